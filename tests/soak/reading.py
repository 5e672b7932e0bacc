"""One call as its reader sees it: every chunk checked when it comes, and how it ended."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from soak.chunks import make_pad

__all__ = ["End", "Fault", "Reading", "Sort"]


class End(StrEnum):
    """How a call ended."""

    WHOLE = "whole"
    """The server said that the stream is complete."""
    FAILED = "failed"
    """The handler's own error came."""
    LEFT = "left"
    """The reader left."""
    CUT = "cut"
    """The stream, or the request, was cut."""
    REFUSED = "refused"
    """Another error of the server came."""
    HUNG = "hung"
    """It had not ended at its bound."""
    BROKEN = "broken"
    """The reader met what it cannot explain."""


class Sort(StrEnum):
    """What can be wrong with a call, or with a process."""

    LOST = "lost"
    DOUBLED = "doubled"
    HUNG = "hung"
    FALSELY_COMPLETE = "falsely complete"
    MIXED_UP = "mixed up"
    CUT = "cut without a cause"
    ENDED_WRONGLY = "ended wrongly"
    LEFT_OVER = "left over"
    SERVER = "the server"
    CLIENT = "the client"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    sort: Sort
    text: str

    def __str__(self) -> str:
        return f"{self.sort}: {self.text}"


@dataclass
class Reading:
    """What one call asked for and what has come of it.

    Attributes:
        kind: the kind of its reader.
        run: the number of the call.
        chunks: how many chunks the server is to send.
        pause_s: the pause after each, in seconds.
        pad_bytes: the length of each one's padding.
        may_end: how it may end though nothing was interrupted.
        began_s: when, by the monotonic clock.
        ended_s: likewise.
        count: the chunks that have come, which is also the number of the next.
        pids: the workers that have sent them.
        client: the name of the client that reads it.
        end: how it ended.
        detail: what the reader has to say of that.
        faults: what was wrong with the chunks.
    """

    kind: str
    run: int
    chunks: int = 0
    pause_s: float = 0.0
    pad_bytes: int = 0
    may_end: frozenset[End] = frozenset({End.WHOLE})
    began_s: float = 0.0
    ended_s: float = 0.0
    count: int = 0
    pids: set[int] = field(default_factory=set)
    client: str = "raw"
    end: End = End.BROKEN
    detail: str = ""
    faults: list[Fault] = field(default_factory=list)

    @property
    def request(self) -> dict[str, Any]:
        """The input of the call."""
        return {
            "run": self.run,
            "chunks": self.chunks,
            "pause_s": self.pause_s,
            "pad_bytes": self.pad_bytes,
        }

    def take(self, chunk: dict[str, Any]) -> None:
        """Check the next chunk."""
        run, number = chunk["run"], chunk["number"]
        if run != self.run:
            self.add_fault(Sort.MIXED_UP, f"got a chunk of call {run}")
        if number > self.count:
            self.add_fault(Sort.LOST, f"chunk {number} came where {self.count} was next")
        elif number < self.count:
            self.add_fault(Sort.DOUBLED, f"chunk {number} came where {self.count} was next")
        if chunk["pad"] != make_pad(number, self.pad_bytes):
            self.add_fault(Sort.MIXED_UP, f"chunk {number} holds other text than was sent")
        self.count = number + 1
        self.pids |= {chunk["pid"], chunk.get("via", chunk["pid"])}

    def add_fault(self, sort: Sort, text: str) -> None:
        """Something is wrong with this call."""
        self.faults.append(Fault(sort, f"call {self.run} ({self.kind}) {text}"))
