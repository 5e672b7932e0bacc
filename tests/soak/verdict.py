"""What may happen to a call, and what may not: the rules, and the sums.

A stream may be cut for three reasons alone: its reader has left, the worker that served it was killed,
or nothing had come of it yet while workers were being replaced (a listener that closes resets the
connections that wait in its queue). Streams are shorter than the limit of a stop, so a replaced worker
cuts none, and nobody may be told ``SERVER_STOPPING``.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from soak.reading import End, Fault, Reading, Sort

__all__ = ["Interruptions", "Verdict"]

_COMPLETE = frozenset({End.WHOLE, End.FAILED})
"""The ends by which a stream promises that all its chunks have come."""


@dataclass
class Interruptions:
    """What was done to the server meanwhile.

    Attributes:
        killed: the process ids of workers that were killed.
        windows: from when until when workers were missing or replaced, by the monotonic clock.
    """

    killed: set[int] = field(default_factory=set)
    windows: list[tuple[float, float]] = field(default_factory=list)
    _open_since_s: float | None = None

    def begin(self, now_s: float) -> None:
        """Something is about to be done."""
        self._open_since_s = now_s

    def end(self, now_s: float) -> None:
        """All workers serve again."""
        assert self._open_since_s is not None
        self.windows.append((self._open_since_s, now_s))
        self._open_since_s = None

    def excuse(self, reading: Reading) -> bool:
        """Whether this call may have been cut by what was done."""
        if reading.pids:
            return bool(reading.pids & self.killed)
        return (self._open_since_s is not None and reading.ended_s >= self._open_since_s) or any(
            reading.began_s <= until_s and reading.ended_s >= from_s for from_s, until_s in self.windows
        )


@dataclass
class Row:
    """The sums of one kind of call."""

    calls: int = 0
    events: int = 0
    interrupted: int = 0
    ends: Counter[End] = field(default_factory=Counter)


class Verdict:
    """Judges each call when it is over.

    Attributes:
        faults: everything that is wrong.
        rows: the sums by kind.
    """

    def __init__(self, interruptions: Interruptions) -> None:
        self._interruptions = interruptions
        self.faults: list[Fault] = []
        self.rows: dict[str, Row] = defaultdict(Row)

    def judge(self, reading: Reading) -> None:
        """Count a call that is over, and say what is wrong with it."""
        row = self.rows[reading.kind]
        row.calls += 1
        row.events += reading.count
        if reading.end is End.CUT and reading.end not in reading.may_end:
            if self._interruptions.excuse(reading):
                row.interrupted += 1
            else:
                reading.add_fault(Sort.CUT, self._story(reading))
        else:
            row.ends[reading.end] += 1
            self._check_end(reading)
        self.faults += reading.faults

    def add_fault(self, sort: Sort, text: str) -> None:
        """Something is wrong that is no call's."""
        self.faults.append(Fault(sort, text))

    def count(self, sort: Sort) -> int:
        """How many faults there are of this sort."""
        return sum(fault.sort is sort for fault in self.faults)

    def _check_end(self, reading: Reading) -> None:
        if reading.end is End.HUNG:
            reading.add_fault(Sort.HUNG, self._story(reading))
        elif reading.end not in reading.may_end:
            reading.add_fault(Sort.ENDED_WRONGLY, self._story(reading))
        elif reading.end in _COMPLETE and reading.count != reading.chunks:
            reading.add_fault(Sort.FALSELY_COMPLETE, self._story(reading))

    @staticmethod
    def _story(reading: Reading) -> str:
        workers = ", ".join(map(str, sorted(reading.pids))) or "unknown"
        detail = f", {reading.detail}" if reading.detail else ""
        return (
            f"is {reading.end} after {reading.count} of {reading.chunks} chunks, "
            f"{reading.ended_s - reading.began_s:.2f} s, worker {workers}, client {reading.client}{detail}"
        )

    def summary(self, seed: int) -> str:
        """One line."""
        lost, doubled, hung = (self.count(sort) for sort in (Sort.LOST, Sort.DOUBLED, Sort.HUNG))
        left_over = self.count(Sort.LEFT_OVER)
        others = len(self.faults) - lost - doubled - hung - left_over
        return (
            f"{lost} lost, {doubled} doubled, {hung} hung{f', {others} other faults' if others else ''}; "
            f"descriptors, tasks and memory {'not all ' if left_over else ''}back at their start "
            f"(seed {seed})"
        )

    def table(self) -> str:
        """The sums, one line a kind."""
        heads = ("kind", "calls", "events", "whole", "failed", "left", "cut", "refused", "interrupted")
        lines = [
            (
                kind,
                row.calls,
                row.events,
                *(row.ends[end] for end in (End.WHOLE, End.FAILED, End.LEFT, End.CUT, End.REFUSED)),
                row.interrupted,
            )
            for kind, row in sorted(self.rows.items())
        ]
        total = ("all", *(sum(column) for column in list(zip(*lines, strict=True))[1:])) if lines else ()
        cells = [
            [f"{cell:,}" if isinstance(cell, int) else cell for cell in line] for line in (*lines, total)
        ]
        cells.insert(0, list(heads))
        widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if index else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in cells
        )
