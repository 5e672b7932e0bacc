"""Reading a stream whose dialect was not told: an end is an end only where the stream ends."""

from typing import Any

import pytest

from streamactions import Event, SSEDecoder, encode_event
from streamactions.dialects import DIALECTS, Chunk, Done, Failure, Signal, SignalReader

NUXT_DONE: dict[str, Any] = {"__actions_done": True}
NUXT_ERROR: dict[str, Any] = {"__actions_error": {"code": "A", "message": "b", "statusCode": 400}}


def read(stream: bytes, dialect: str | None = None) -> tuple[list[Signal], Signal | None]:
    """The signals of a whole stream, and what the end of its body decides."""
    reader = SignalReader(None if dialect is None else DIALECTS[dialect])
    values: list[Any] = []
    end = reader.feed(SSEDecoder().feed_json(stream, messages_only=True), values)
    return [*map(Chunk, values), *([] if end is None else [end])], reader.finish()


def names(signals: list[Signal]) -> list[Any]:
    return [signal.value if isinstance(signal, Chunk) else type(signal) for signal in signals]


def test_the_standard_dialect_is_known_at_once() -> None:
    assert read(b"data: 1\n\nevent: done\ndata: {}\n\n") == ([Chunk(1), Done()], None)


def test_an_end_of_nuxt_actions_is_decided_by_the_end_of_the_body() -> None:
    assert read(b'data: 1\n\ndata: {"__actions_done":true}\n\n') == ([Chunk(1)], Done())


def test_an_error_of_nuxt_actions_is_decided_by_the_end_of_the_body() -> None:
    signals, end = read(b'data: {"__actions_error":{"code":"A","message":"b","statusCode":400}}\n\n')
    assert signals == []
    assert isinstance(end, Failure)
    assert end.error.code == "A"


def test_a_reserved_key_that_something_follows_was_a_chunk() -> None:
    stream = b'data: {"__actions_done":true}\n\ndata: 2\n\nevent: done\ndata: {}\n\n'
    assert read(stream) == ([Chunk(NUXT_DONE), Chunk(2), Done()], None)


def test_several_of_them_were_chunks_but_the_last() -> None:
    stream = b'data: {"__actions_done":true}\n\n' * 2
    assert read(stream) == ([Chunk(NUXT_DONE)], Done())


def test_a_chunk_that_looks_like_an_end_before_the_standard_end() -> None:
    assert read(b'data: {"__actions_done":true}\n\nevent: done\ndata: {}\n\n') == (
        [Chunk(NUXT_DONE), Done()],
        None,
    )


def test_an_error_before_the_standard_error() -> None:
    signals, end = read(b'data: {"__actions_error":{"code":"A"}}\n\nevent: error\ndata: {"code":"B"}\n\n')
    assert names(signals) == [{"__actions_error": {"code": "A"}}, Failure]
    assert end is None


def test_keep_alives_decide_nothing() -> None:
    stream = b'data: {"__actions_done":true}\n\n: keep-alive\n\n'
    assert read(stream) == ([], Done())


def test_a_stream_without_an_end_has_none() -> None:
    assert read(b"data: 1\n\n") == ([Chunk(1)], None)
    assert read(b"") == ([], None)


@pytest.mark.parametrize("value", ["false", "1", '"true"', "null"])
def test_only_true_is_an_end(value: str) -> None:
    event = Event(data=f'{{"__actions_done":{value}}}')
    assert read(encode_event(event.data)) == ([Chunk(event.json())], None)


def test_a_dialect_that_was_told_is_the_only_one() -> None:
    assert read(b'data: {"__actions_done":true}\n\n', "standard") == ([Chunk(NUXT_DONE)], None)
    assert read(b'data: {"__actions_done":true}\n\n', "nuxt-actions") == ([Done()], None)
    assert read(b"event: done\ndata: {}\n\n", "nuxt-actions") == ([], None)


@pytest.mark.parametrize("dialect", [None, "standard", "nuxt-actions"])
def test_a_chunk_that_is_no_json(dialect: str | None) -> None:
    with pytest.raises(ValueError):
        read(b"data: {\n\n", dialect)
