"""Dialects: what each writes, and that each reads what it wrote."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamactions import (
    DefinitionError,
    Dialect,
    Event,
    InvalidChunkError,
    SSEDecoder,
    create_action_error,
    encode_event,
)
from streamactions.dialects import DIALECTS, Chunk, Done, Failure, Signal, resolve_dialect

every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def decode(frame: bytes) -> Event:
    [event] = SSEDecoder().feed(frame)
    return event


def read(dialect: Dialect, frame: bytes) -> Signal | None:
    return dialect.read(decode(frame))


def chunk_frame(dialect: Dialect, value: Any) -> bytes:
    return encode_event(orjson.dumps(value), event=dialect.chunk_event)


def test_there_are_two() -> None:
    assert list(DIALECTS) == ["standard", "nuxt-actions"]
    assert all(dialect.name == name for name, dialect in DIALECTS.items())


def test_the_bytes() -> None:
    error = create_action_error("A", "b", 429)
    assert DIALECTS["standard"].done() == b"event: done\ndata: {}\n\n"
    assert DIALECTS["standard"].error(error) == (
        b'event: error\ndata: {"code":"A","message":"b","statusCode":429}\n\n'
    )
    assert DIALECTS["nuxt-actions"].done() == b'data: {"__actions_done":true}\n\n'
    assert DIALECTS["nuxt-actions"].error(error) == (
        b'data: {"__actions_error":{"code":"A","message":"b","statusCode":429}}\n\n'
    )


@every_dialect
def test_it_reads_its_end(dialect: Dialect) -> None:
    assert read(dialect, dialect.done()) == Done()


@every_dialect
def test_it_reads_its_error(dialect: Dialect) -> None:
    error = create_action_error("A\n", "\r\n\0b", 422, {"c.d": ["e\n\ndata: f"]})
    failure = read(dialect, dialect.error(error))
    assert isinstance(failure, Failure)
    assert failure.error.to_wire() == error.to_wire()


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.sampled_from(list(DIALECTS)), values)
def test_it_reads_its_chunks(name: str, value: Any) -> None:
    dialect = DIALECTS[name]
    assert read(dialect, chunk_frame(dialect, value)) == Chunk(value)


def test_names_that_are_not_known_say_nothing() -> None:
    assert DIALECTS["standard"].read(Event(event="later", data="{}")) is None
    assert DIALECTS["nuxt-actions"].read(Event(event="done", data="{}")) is None


@every_dialect
def test_a_chunk_that_is_no_json(dialect: Dialect) -> None:
    with pytest.raises(ValueError):
        dialect.read(Event(data="{"))


@pytest.mark.parametrize("key", ["__actions_done", "__actions_error"])
@pytest.mark.parametrize("value", [True, False, None, {}])
def test_the_reserved_keys_cannot_be_sent(key: str, value: Any) -> None:
    check = DIALECTS["nuxt-actions"].check_chunk
    assert check is not None
    with pytest.raises(InvalidChunkError, match="use another key"):
        check(orjson.dumps({"a": 1, key: value}))


@given(values)
def test_what_may_be_sent_is_never_taken_for_the_end(value: Any) -> None:
    dialect = DIALECTS["nuxt-actions"]
    assert dialect.check_chunk is not None
    dialect.check_chunk(orjson.dumps(value))
    for inner in ([value], {"text": '"__actions_done":true', "inner": {"__actions_done": True}}):
        dialect.check_chunk(orjson.dumps(inner))
        assert read(dialect, chunk_frame(dialect, inner)) == Chunk(inner)


def test_a_dialect_is_found_by_its_name() -> None:
    assert resolve_dialect("standard") is DIALECTS["standard"]
    assert resolve_dialect(DIALECTS["nuxt-actions"]) is DIALECTS["nuxt-actions"]
    with pytest.raises(
        DefinitionError, match="there is no dialect 'other': write one of 'standard', 'nuxt-actions'"
    ):
        resolve_dialect("other")
