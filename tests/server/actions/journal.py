"""What handlers note while they live, so that a test can wait for it and read it, by actions of its own."""

import asyncio
import gc
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from streamactions import Stream, define_stream_action


class Journal:
    """Notes by run; a run is one test's call."""

    def __init__(self) -> None:
        self._notes: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._noted: dict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
        self.streams: WeakSet[Stream] = WeakSet()

    def note(self, run: str, what: str, **details: Any) -> None:
        """Note something, with the time in seconds of the clock that all processes share."""
        self._notes[run].append({"what": what, "at_s": time.monotonic(), **details})
        self._noted[run, what].set()

    def notes(self, run: str) -> list[dict[str, Any]]:
        return self._notes[run]

    async def wait(self, run: str, what: str) -> dict[str, Any]:
        """Wait until it is noted."""
        await self._noted[run, what].wait()
        return next(note for note in self._notes[run] if note["what"] == what)

    @contextmanager
    def follow(self, run: str, stream: Stream) -> Iterator[None]:
        """Note how a handler lives: ``started``, then ``finished``, ``cancelled`` or ``raised``."""
        self.streams.add(stream)
        self.note(run, "started")
        try:
            yield
        except asyncio.CancelledError:
            self.note(run, "cancelled", closed=stream.closed)
            raise
        except BaseException as error:
            self.note(run, "raised", error=type(error).__name__)
            raise
        else:
            self.note(run, "finished")


journal = Journal()


@define_stream_action
async def say(input: dict[str, str]) -> AsyncIterator[None]:
    """The test notes something for a handler that waits for it."""
    journal.note(input["run"], input["what"])
    yield None


@define_stream_action
async def note(input: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """Wait for a note."""
    yield await journal.wait(input["run"], input["what"])


@define_stream_action
async def notes(input: dict[str, str]) -> AsyncIterator[list[dict[str, Any]]]:
    """All that is noted so far."""
    yield journal.notes(input["run"])


def _tasks() -> Counter[str]:
    return Counter(getattr(task.get_coro(), "__qualname__", repr(task)) for task in asyncio.all_tasks())


@define_stream_action
async def tasks() -> AsyncIterator[dict[str, int]]:
    """The tasks of the worker, those of this call included."""
    for _ in range(100):
        # The server and what wraps the app may still be starting tasks for this call.
        await asyncio.sleep(0)
    yield dict(_tasks())


@define_stream_action
async def idle(input: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Wait until no task is left but the given ones, and no stream but this one; say what is left."""
    left: dict[str, Any] = {}
    for turn in range(1000):
        if turn % 100 == 99:
            gc.collect()
        left = {"tasks": dict(_tasks() - Counter(input["tasks"])), "streams": len(journal.streams)}
        if left == {"tasks": {}, "streams": 0}:
            break
        await asyncio.sleep(0.01)
    yield left
