"""What a process holds, and whether it has given back what it took."""

import asyncio
import ctypes
import gc
import os
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from streamactions import Stream

__all__ = ["Hold", "Holdings", "hold_from_outside", "hold_own", "most", "rest"]

REST_BOUND_S: Final = 20.0
"""How long a process may take to give back what it held, once nothing is asked of it."""

POLL_INTERVAL_S: Final = 0.2

MEMORY_TOLERANCE_BYTES: Final = 16 << 20
"""How much more memory may be resident than after the warm-up. A heap that has held thousands of calls is
fragmented: up to 5 MiB were seen after a minute. A leak of one stream's buffer (8 KiB) a call is over it
after 2,000 calls."""

OBJECTS_TOLERANCE: Final = 2_000
"""How many more Python objects may live than after the warm-up: caches of URLs and of strings, a few hundred
in the soak's own process. A leak of one object a call is over it within a minute."""

KINDS_OF_A_CALL: Final = (
    "Stream",
    "Run",
    "Connection",
    "Call",
    "EventReader",
    "EventStream",
    "StreamHandle",
    "HTTPExchange",
    "async_generator",
    "traceback",
    "frame",
)
"""Objects that a call makes, and that may not outlive it. A traceback holds frames, and so all that was in
scope where an error was raised."""

GROWN_KINDS_SHOWN: Final = 8

INHERITED_PIPES: Final = 8
"""How many more pipes a worker may hold that was started later. It is forked, so it inherits those by which
the main process watches the other workers, and those that it has not closed yet of workers that are gone."""


@dataclass(frozen=True)
class Holdings:
    """What one process holds while nothing is asked of it.

    Attributes:
        pid: the process.
        descriptors: open ones, by kind.
        tasks: asyncio's, by name.
        kinds: the Python objects that the garbage collector knows, by the name of their class.
        resident_bytes: memory.
    """

    pid: int
    descriptors: Mapping[str, int]
    tasks: Mapping[str, int]
    kinds: Mapping[str, int]
    resident_bytes: int

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self.kinds.get(Stream.__name__, 0)

    @property
    def objects(self) -> int:
        """How many Python objects there are."""
        return sum(self.kinds.values())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What the action ``state`` has sent."""
        return cls(**value)

    def differences(self, reference: "Holdings") -> list[str]:
        """What is held beyond the reference, one line each."""
        found = []
        # Fewer is no leak: a worker that is new has not opened everything yet.
        for name, count in self.descriptors.items():
            then = reference.descriptors.get(name, 0)
            if count > then + (INHERITED_PIPES if name == "pipe" else 0):
                found.append(f"descriptors {name}: {count}, at the start {then}")
        for name, count in self.tasks.items():
            then = reference.tasks.get(name, 0)
            if count > then:
                found.append(f"tasks {name}: {count}, at the start {then}")
        for kind in KINDS_OF_A_CALL:
            count, then = self.kinds.get(kind, 0), reference.kinds.get(kind, 0)
            if count > then:
                found.append(f"{kind} objects: {count}, at the start {then}")
        if self.objects > reference.objects + OBJECTS_TOLERANCE:
            found.append(
                f"Python objects: {self.objects:,}, at the start {reference.objects:,}: "
                f"{self._growth(reference)}"
            )
        if self.resident_bytes > reference.resident_bytes + MEMORY_TOLERANCE_BYTES:
            found.append(
                f"memory: {self.resident_bytes / 2**20:.1f} MiB, "
                f"at the start {reference.resident_bytes / 2**20:.1f} MiB"
            )
        return [f"({self.pid}) holds more than at its start: {line}" for line in found]

    def _growth(self, reference: "Holdings") -> str:
        grown = (Counter(self.kinds) - Counter(reference.kinds)).most_common(GROWN_KINDS_SHOWN)
        return ", ".join(f"+{count} {name}" for name, count in grown)

    def compare(self, reference: "Holdings") -> str:
        """One line that says what is held now and was held at the start."""
        return (
            f"({self.pid}): descriptors {sum(self.descriptors.values())} "
            f"({sum(reference.descriptors.values())} at the start), tasks {sum(self.tasks.values())} "
            f"({sum(reference.tasks.values())}), Python objects {self.objects:,} ({reference.objects:,}), "
            f"memory {self.resident_bytes / 2**20:.1f} MiB ({reference.resident_bytes / 2**20:.1f})"
        )


Hold: TypeAlias = Callable[[], Awaitable[list[Holdings]]]
"""Says what one process or more hold."""


def most(held: Iterable[Holdings]) -> Holdings:
    """The most that any of these processes holds of each."""
    all_held = list(held)
    return Holdings(
        pid=0,
        descriptors=reduce(or_, (Counter(one.descriptors) for one in all_held)),
        tasks=reduce(or_, (Counter(one.tasks) for one in all_held)),
        kinds=reduce(or_, (Counter(one.kinds) for one in all_held)),
        resident_bytes=max(one.resident_bytes for one in all_held),
    )


async def rest(hold: Hold, is_at_rest: Callable[[Holdings], bool]) -> list[Holdings]:
    """Wait until each process is at rest, or has had the time for it, and say what each holds."""
    bound_s = time.monotonic() + REST_BOUND_S
    while True:
        held = await hold()
        if all(map(is_at_rest, held)) or time.monotonic() > bound_s:
            return held
        await asyncio.sleep(POLL_INTERVAL_S)


async def hold_own() -> list[Holdings]:
    """What this process holds."""
    gc.collect()
    # What the allocator keeps for the next request is no leak.
    ctypes.CDLL(None).malloc_trim(0)
    # In dicts: Python 3.11's dataclasses.asdict makes another Counter of a Counter's pairs.
    kinds = dict(Counter(type(held).__name__ for held in gc.get_objects()))
    return [
        Holdings(
            pid=os.getpid(),
            descriptors=_count_descriptors(os.getpid()),
            tasks=dict(Counter(_name(task) for task in asyncio.all_tasks())),
            kinds=kinds,
            resident_bytes=_resident_bytes(os.getpid()),
        )
    ]


def hold_from_outside(pid: int) -> Holdings:
    """What another process holds: its descriptors and its memory."""
    return Holdings(pid, _count_descriptors(pid), {}, {}, _resident_bytes(pid))


def _count_descriptors(pid: int) -> dict[str, int]:
    """The open descriptors of a process by kind: sockets, pipes, files by name."""
    kinds: Counter[str] = Counter()
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
        except FileNotFoundError:
            # The one that the folder was listed through.
            continue
        kinds[re.sub(r":\[\d+\]$", "", target)] += 1
    return dict(kinds)


def _name(task: "asyncio.Task[Any]") -> str:
    return str(getattr(task.get_coro(), "__qualname__", task.get_coro()))


def _resident_bytes(pid: int) -> int:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
