"""Any bytes, any cuts, any bound: the same outcome. Any event: encoded and decoded, it is itself."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamactions import Event, encode_event

from .feeding import feed

NAMES = [b"data", b"event", b"id", b"retry", b"datax", b":", b": ", b" "]
LINE_ENDS = [b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n"]
VALUES = [
    b"hello",
    b"\0",
    b"42",
    b"+",
    b"9" * 20,
    b"\xe2\x80\xa8",
    b"\xf0\x9f",
    b"\x98\x80",
    b"\xff",
    b"\xed\xa0\x80",
]
WHOLES = [b"data: x\n\n", b"event: done\ndata: {}\n\n", b": keep-alive\n\n", b"\xef\xbb\xbf", b"\xef\xbb"]
PIECES = [*NAMES, *LINE_ENDS, *VALUES, *WHOLES]
streams = st.lists(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=8), max_size=40).map(b"".join)
cuts = st.lists(st.integers(0, 400), max_size=12)


def cut_at(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(edges)]


def text(*, without: str = "") -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8", exclude_characters=without), max_size=20)


@given(streams, cuts)
def test_cuts_do_not_matter(stream: bytes, places: list[int]) -> None:
    whole = feed([stream])
    assert feed(cut_at(stream, places)) == whole
    assert feed(stream[at : at + 1] for at in range(len(stream))) == whole
    assert whole.error is None


@given(streams, cuts, st.integers(1, 30))
def test_cuts_do_not_matter_to_the_bound(stream: bytes, places: list[int], max_event_bytes: int) -> None:
    whole = feed([stream], max_event_bytes=max_event_bytes)
    assert feed(cut_at(stream, places), max_event_bytes=max_event_bytes) == whole
    unbounded = feed([stream])
    if whole.error is None:
        assert whole == unbounded
    else:
        assert whole.events == unbounded.events[: len(whole.events)]


@given(
    data=st.lists(text() | st.sampled_from(["\n", "\r", "\r\n", "\u2028", "\ufeff", " ", ":"])).map("".join),
    event=st.none() | text(without="\r\n").filter(bool),
    id=st.none() | text(without="\r\n\0"),
    retry_ms=st.none() | st.integers(0, 2**53 - 1),
    places=cuts,
)
def test_decode_undoes_encode(
    data: str, event: str | None, id: str | None, retry_ms: int | None, places: list[int]
) -> None:
    frame = encode_event(data, event=event, id=id, retry_ms=retry_ms)
    assert frame == encode_event(data.encode(), event=event, id=id, retry_ms=retry_ms)
    expected = Event(event or "message", re.sub("\r\n|\r", "\n", data), id or "", retry_ms)
    assert feed(cut_at(frame, places)).events == [expected]


@given(streams)
def test_encode_undoes_decode(stream: bytes) -> None:
    for event in feed([stream]).events:
        frame = encode_event(event.data, event=event.event, id=event.id, retry_ms=event.retry_ms)
        assert feed([frame]).events == [event]
