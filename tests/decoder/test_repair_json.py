"""JSON that many programs write and strict parsers refuse: halves of surrogate pairs, a byte order mark."""

import json
import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamactions import Event, SSEDecoder
from streamactions._core import repair_json
from streamactions.inputs import read_json

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

REPAIRED: Final = [
    (rb'{"t":"\ud83d"}', {"t": "\ufffd"}),
    (rb'{"t":"\ude00"}', {"t": "\ufffd"}),
    (rb'"\ud83d\ude00"', "\U0001f600"),
    (rb'"\uD83D\uDE00"', "\U0001f600"),
    (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
    (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
    (rb'"\ud83dx"', "\ufffdx"),
    (rb'"\ud83d\u0041"', "\ufffdA"),
    (rb'"\ud83d\n"', "\ufffd\n"),
    (rb'"\\ud83d"', "\\ud83d"),
    (rb'"\\\ud83d"', "\\\ufffd"),
    (rb'{"\udc00":1}', {"\ufffd": 1}),
    (BYTE_ORDER_MARK + b'{"a":1}', {"a": 1}),
    (BYTE_ORDER_MARK + rb'"\ud83d"', "\ufffd"),
]


def read_event(data: bytes) -> Any:
    (event,) = SSEDecoder().feed(b"data: " + data + b"\n\n")
    return event.json()


def read_value(data: bytes) -> Any:
    (value,) = SSEDecoder().feed_json(b"data: " + data + b"\n\n")
    return value


def read_input(data: bytes) -> Any:
    return read_json(None, data)


@pytest.mark.parametrize("read", [read_event, read_value, read_input])
@pytest.mark.parametrize(("data", "value"), REPAIRED)
def test_every_door_takes_it(read: Any, data: bytes, value: Any) -> None:
    assert read(data) == value


@pytest.mark.parametrize(
    "data", [b'"\\ud8"', b'"\\ud83', b"\\", b'"\\', b'"\\u"', BYTE_ORDER_MARK, b"\\ud83d"]
)
def test_what_is_no_json_stays_none(data: bytes) -> None:
    with pytest.raises(ValueError):
        json.loads(repair_json(data))
    assert isinstance(read_value(data), Event)


def naive(text: str) -> str:
    """The same by Python: what the escapes are, pair by pair."""
    return re.sub(
        r"[\ud800-\udfff]",
        "\ufffd",
        json.loads(text).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"),
    )


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_it_is_what_a_naive_program_makes_of_it(text: str) -> None:
    escaped = json.dumps(text)
    assert json.loads(repair_json(escaped.encode())) == naive(escaped)


@given(st.binary(), st.lists(st.sampled_from([rb"\ud83d", rb"\ude00", b"\\", rb"\u", b"d8", b'"'])))
def test_any_bytes_may_come(junk: bytes, parts: list[bytes]) -> None:
    data = junk + b"".join(parts)
    repaired = repair_json(data)
    assert repair_json(repaired.removeprefix(BYTE_ORDER_MARK)) == repaired.removeprefix(BYTE_ORDER_MARK)
