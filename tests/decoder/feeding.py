"""The helper that feeds a decoder: whole, byte by byte, at every single cut, as every kind of buffer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import pytest

from streamactions import Event, EventTooLargeError, SSEDecoder

AMPLE_BYTES: Final = 1_048_576
"""A bound that no vector reaches."""

Buffer = bytes | bytearray | memoryview
KINDS: Final[tuple[Callable[[bytes], Buffer], ...]] = (bytes, bytearray, memoryview)


@dataclass(frozen=True)
class Outcome:
    """All that a decoder lets its caller see of a stream."""

    events: list[Event]
    last_event_id: str
    retry_ms: int | None
    buffered_bytes: int
    error: str | None = None


def feed(reads: Iterable[Buffer], *, max_event_bytes: int = AMPLE_BYTES) -> Outcome:
    decoder = SSEDecoder(max_event_bytes=max_event_bytes)
    events: list[Event] = []
    error = None
    for read in reads:
        try:
            events += decoder.feed(read)
        except EventTooLargeError as caught:
            events += caught.events
            error = str(caught)
            assert_sticky(decoder, error)
            break
        assert decoder.buffered_bytes <= max_event_bytes
    return Outcome(events, decoder.last_event_id, decoder.retry_ms, decoder.buffered_bytes, error)


def assert_sticky(decoder: SSEDecoder, error: str) -> None:
    for later in (b"data: x\n\n", b""):
        with pytest.raises(EventTooLargeError) as again:
            decoder.feed(later)
        assert str(again.value) == error
        assert again.value.events == []


def feed_every_way(stream: bytes, *, max_event_bytes: int = AMPLE_BYTES) -> Outcome:
    """Feed ``stream`` in every way and return the outcome, which must always be the same."""
    whole = feed([stream], max_event_bytes=max_event_bytes)
    for kind in KINDS:
        assert feed([kind(stream)], max_event_bytes=max_event_bytes) == whole, kind
        drips = [kind(stream[at : at + 1]) for at in range(len(stream))]
        assert feed(drips, max_event_bytes=max_event_bytes) == whole, f"byte by byte as {kind}"
    for cut in range(len(stream) + 1):
        reads = [stream[:cut], stream[cut:]]
        assert feed(reads, max_event_bytes=max_event_bytes) == whole, f"cut at byte {cut}"
    return whole
