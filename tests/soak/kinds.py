"""The kinds of calls that a soak mixes, and how often each is made."""

from dataclasses import dataclass
from random import Random
from typing import Final

from soak import raw_readers, readers
from soak.chunks import MAX_CHUNKS
from soak.reading import End, Reading

__all__ = ["KINDS", "Kind", "pick"]

_LEAVES: Final = frozenset({End.LEFT})
_REFUSED: Final = frozenset({End.REFUSED})


@dataclass(frozen=True)
class Kind:
    """One kind of calls.

    Attributes:
        name: as the table has it.
        read: its reader.
        weight: how often it is made beside the others.
        chunks: how many chunks a call has, from and to.
        pause_s: the longest pause after each, in seconds.
        pad_bytes: the longest padding of each.
        may_end: how such a call may end.
    """

    name: str
    read: readers.Reader
    weight: int = 2
    chunks: tuple[int, int] = (5, 60)
    pause_s: float = 0.02
    pad_bytes: int = 40
    may_end: frozenset[End] = frozenset({End.WHOLE})

    def make_reading(self, run: int, random: Random) -> Reading:
        """The next call of this kind."""
        return Reading(
            self.name,
            run,
            chunks=random.randint(*self.chunks),
            pause_s=round(random.random() * self.pause_s, 4),
            pad_bytes=random.randint(0, self.pad_bytes),
            may_end=self.may_end,
        )


# Streams that nobody reads to their end: if leaving did not end them, they would be left over.
_ENDLESS: Final = (MAX_CHUNKS, MAX_CHUNKS)

KINDS: Final = (
    Kind("stream", readers.stream, weight=6),
    Kind("stream, GET", readers.stream_by_get),
    Kind("execute", readers.execute, weight=3),
    Kind("generator", readers.yielded),
    Kind("events", readers.events, weight=4),
    Kind("events, GET", readers.events_by_get),
    Kind("raw", raw_readers.raw, weight=3),
    Kind("HTTP/2", raw_readers.http2, weight=3),
    Kind("relay", readers.relayed, weight=4),
    Kind("failing", readers.failing, may_end=frozenset({End.FAILED})),
    Kind("flood", readers.stream, chunks=(2_000, 10_000), pause_s=0),
    Kind("flood, events", readers.events, chunks=(2_000, 10_000), pause_s=0),
    Kind("flood, relay", readers.relayed, chunks=(2_000, 5_000), pause_s=0),
    Kind("slow", readers.slow, chunks=(200, 500), pause_s=0, pad_bytes=1_000),
    Kind("stopped", raw_readers.stopped, weight=3, chunks=(200, 1_000), pause_s=0, pad_bytes=2_000),
    Kind("cut", raw_readers.cut, chunks=_ENDLESS, pause_s=0.01, pad_bytes=200, may_end=_LEAVES),
    Kind("cut, flood", raw_readers.cut, chunks=_ENDLESS, pause_s=0, pad_bytes=200, may_end=_LEAVES),
    Kind("reset", raw_readers.reset, chunks=_ENDLESS, pause_s=0.01, may_end=_LEAVES),
    Kind("reset, flood", raw_readers.reset, chunks=_ENDLESS, pause_s=0, may_end=_LEAVES),
    Kind("half-closed", raw_readers.half_closed, may_end=frozenset({End.WHOLE, End.CUT})),
    Kind("cancelled", readers.cancelled, weight=3, chunks=_ENDLESS, may_end=_LEAVES),
    Kind("left", readers.leave_handle, chunks=_ENDLESS, may_end=_LEAVES),
    Kind("left open", readers.leave_handle_open, chunks=_ENDLESS, may_end=_LEAVES),
    Kind("left, flood", readers.leave_events, chunks=_ENDLESS, pause_s=0, may_end=_LEAVES),
    Kind("left, relay", readers.leave_relay, chunks=_ENDLESS, may_end=_LEAVES),
    Kind("left, silent", readers.leave_silent, chunks=(1, 20), may_end=_LEAVES),
    Kind("cut, silent", raw_readers.cut_silent, chunks=(1, 20), may_end=_LEAVES),
    Kind("stop()", readers.execute_stopped, chunks=_ENDLESS, may_end=_LEAVES),
    Kind("carry on", readers.leave_carry_on, chunks=(30, 60), may_end=_LEAVES),
    Kind("refused", raw_readers.refused, chunks=(0, 0), may_end=_REFUSED),
    Kind("junk", raw_readers.junk, chunks=(0, 0), may_end=frozenset({End.REFUSED, End.CUT})),
    Kind("idle", raw_readers.idle, chunks=(0, 0), may_end=_LEAVES),
)


def pick(random: Random) -> Kind:
    """A kind by its weight."""
    return random.choices(KINDS, [kind.weight for kind in KINDS])[0]
