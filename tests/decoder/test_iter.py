"""``iter_events`` and ``iter_json`` give what ``feed`` and ``feed_json`` give, however the stream is cut."""

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamactions import Event, EventTooLargeError, SSEDecoder, StreamCutError

from .feeding import AMPLE_BYTES, KINDS
from .test_properties import cut_at, cuts, streams
from .vectors import name_of, stream_of, table

Iterate = Callable[[SSEDecoder, Iterable[Any]], Iterator[Any]]
Feed = Callable[[SSEDecoder, Any], list[Any]]

WAYS: list[tuple[Iterate, Feed]] = [
    (SSEDecoder.iter_events, SSEDecoder.feed),
    (SSEDecoder.iter_json, SSEDecoder.feed_json),
    (
        lambda decoder, reads: decoder.iter_json(reads, messages_only=True),
        lambda decoder, read: decoder.feed_json(read, messages_only=True),
    ),
]
every_way = pytest.mark.parametrize(("iterate", "feed"), WAYS, ids=["events", "json", "messages"])


def fed(feed: Feed, stream: bytes, limit: int) -> tuple[list[Any], str]:
    """The items and how they end, in one ``feed``."""
    decoder = SSEDecoder(max_event_bytes=limit)
    try:
        items = feed(decoder, stream)
    except EventTooLargeError as error:
        return error.events, "too large"
    return items, "cut" if decoder.buffered_bytes else "end"


def iterated(iterate: Iterate, reads: Iterable[Any], limit: int) -> tuple[list[Any], str]:
    decoder = SSEDecoder(max_event_bytes=limit)
    iterator = iterate(decoder, reads)
    assert iter(iterator) is iterator
    items: list[Any] = []
    ended: type[Exception] = StopIteration
    try:
        while True:
            items.append(next(iterator))
    except (StopIteration, EventTooLargeError, StreamCutError) as error:
        ended = type(error)
    with pytest.raises(ended):
        next(iterator)
    return items, {StopIteration: "end", EventTooLargeError: "too large", StreamCutError: "cut"}[ended]


@every_way
@pytest.mark.parametrize("item", [*table("decode"), *table("bounds")], ids=name_of)
def test_vectors_in_every_way(item: dict[str, Any], iterate: Iterate, feed: Feed) -> None:
    stream, limit = stream_of(item), item.get("max_event_bytes", AMPLE_BYTES)
    expected = fed(feed, stream, limit)
    for kind in KINDS:
        assert iterated(iterate, [kind(stream)], limit) == expected
    assert iterated(iterate, (stream[at : at + 1] for at in range(len(stream))), limit) == expected
    for cut in range(len(stream) + 1):
        assert iterated(iterate, (stream[:cut], b"", stream[cut:]), limit) == expected


@every_way
@given(streams, cuts, st.integers(1, 30) | st.just(AMPLE_BYTES))
def test_any_stream_in_any_way(
    iterate: Iterate, feed: Feed, stream: bytes, places: list[int], limit: int
) -> None:
    expected = fed(feed, stream, limit)
    assert iterated(iterate, cut_at(stream, places), limit) == expected


def test_a_stream_that_was_cut_is_not_one_that_has_ended() -> None:
    values = SSEDecoder().iter_json([b"data: 1\n\nda", b"ta: 2\n"])
    assert next(values) == 1
    with pytest.raises(StreamCutError, match="inside an event"):
        next(values)


def test_reads_are_asked_for_as_late_as_can_be() -> None:
    asked: list[int] = []

    def reads() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield b"data: %d\n\n" % number

    values = SSEDecoder().iter_json(reads())
    assert asked == []
    for number in range(3):
        assert next(values) == number
        assert asked == list(range(number + 1))


def test_what_the_reads_raise_comes_out_and_nothing_is_lost() -> None:
    def broken() -> Iterator[bytes]:
        yield b"data: 1\n\ndata: 2\n\nda"
        raise ConnectionResetError("broken")

    decoder = SSEDecoder()
    events = decoder.iter_events(broken())
    assert [next(events).data, next(events).data] == ["1", "2"]
    with pytest.raises(ConnectionResetError):
        next(events)
    # Another connection may go on with the rest.
    assert list(decoder.iter_events([b"ta: 3\n\n"])) == [Event(data="3")]


def test_reads_that_feed_the_same_decoder() -> None:
    decoder = SSEDecoder()

    def reads() -> Iterator[bytes]:
        assert decoder.feed(b"data: a\n\n") == [Event(data="a")]
        yield b"data: b\n\n"

    assert list(decoder.iter_events(reads())) == [Event(data="b")]


@pytest.mark.parametrize("reads", [7, None, object()])
def test_what_is_no_iterable(reads: Any) -> None:
    with pytest.raises(TypeError, match="not iterable"):
        SSEDecoder().iter_events(reads)


@pytest.mark.parametrize("reads", ["text", ["text"], [7], [None]])
def test_reads_that_are_no_bytes(reads: Any) -> None:
    with pytest.raises(TypeError, match="must be bytes, bytearray or a memoryview of bytes, not"):
        next(SSEDecoder().iter_json(reads))


def test_an_iterator_that_its_own_reads_hold_is_freed() -> None:
    class Reads:
        iterator: Any = None

        def __iter__(self) -> "Reads":
            return self

        def __next__(self) -> bytes:
            return b"data: 1\n\ndata: 2\n\n"

    reads = Reads()
    reads.iterator = SSEDecoder().iter_json(reads)
    next(reads.iterator)
    reference = weakref.ref(reads)
    del reads
    gc.collect()
    assert reference() is None
