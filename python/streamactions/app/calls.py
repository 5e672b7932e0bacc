"""The calls that are under way, and how they end when their server stops.

A server that stops drains its connections, and a call can be longer than its connection: a handler with
``on_disconnect="continue"`` has none any more once its client has left. So whoever stops waits for the
calls themselves; what has not ended by then is stopped, each with an error that its client can read.

``streamactions serve`` keeps one such list for each worker and offers it to the apps below it, however
deep they are mounted, as an extension of the ASGI scope. Under any other server an app keeps its own.
"""

import asyncio
import logging
from typing import Final, Protocol

from streamactions.app.asgi import Scope

__all__ = [
    "CALLS_EXTENSION",
    "DEFAULT_STOP_TIMEOUT_S",
    "Calls",
    "calls_of",
    "cleanup_s",
    "end_calls",
    "stop_calls",
]

logger = logging.getLogger("streamactions")

DEFAULT_STOP_TIMEOUT_S: Final = 30
"""How long open streams have at a stop: most answers of a language model end within it."""

MAX_CLEANUP_S: Final = 2.0
"""How long before that limit calls are stopped: for their error to be read, and for their cleaning up."""

CALLS_EXTENSION: Final = "streamactions.calls"
"""Where the server's list is, below ``extensions`` of the scope (ASGI specification, "Extensions")."""


class Stoppable(Protocol):
    """A call that is under way."""

    def stop(self) -> None:
        """End it soon, with an error that says that the server stops."""

    def cut(self) -> None:
        """The time is over: end its stream with that error, whatever its handler does."""


class Calls:
    """The calls of one event loop; used from its thread.

    Attributes:
        has_stopped: whether `stop` was called, so that a call that comes now is to be refused.
    """

    __slots__ = ("_idle", "_under_way", "has_stopped")

    def __init__(self) -> None:
        self._under_way: set[Stoppable] = set()
        # Set when the last call has ended; made by the first who waits for that.
        self._idle: asyncio.Event | None = None
        self.has_stopped = False

    def __len__(self) -> int:
        return len(self._under_way)

    def add(self, call: Stoppable) -> None:
        """A call has begun."""
        self._under_way.add(call)
        if self._idle is not None:
            self._idle.clear()
        if self.has_stopped:
            call.stop()

    def discard(self, call: Stoppable) -> None:
        """It is over."""
        self._under_way.discard(call)
        if self._idle is not None and not self._under_way:
            self._idle.set()

    def stop(self) -> int:
        """Stop all calls, and each that begins from now on. Returns how many there were.

        Only the first time: a handler that cleans up must not be cancelled in the midst of it.
        """
        if self.has_stopped:
            return 0
        self.has_stopped = True
        under_way = tuple(self._under_way)
        for call in under_way:
            call.stop()
        return len(under_way)

    def cut(self) -> None:
        """End the streams of the calls that go on although they were stopped."""
        under_way = tuple(self._under_way)
        if under_way:
            logger.error(
                "Stopping: calls whose handler or reader comes to no end, and that are cut: %d",
                len(under_way),
            )
        for call in under_way:
            call.cut()

    async def wait(self, timeout_s: float) -> bool:
        """Wait until all calls are over, at most so many seconds. Returns whether they are."""
        if self._idle is None:
            self._idle = asyncio.Event()
        if not self._under_way:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True


def calls_of(scope: Scope) -> Calls | None:
    """The list that the server of this request keeps, if it keeps one."""
    extensions = scope.get("extensions")
    return None if extensions is None else extensions.get(CALLS_EXTENSION)


def cleanup_s(limit_s: float) -> float:
    """How long before the end of a stop that may take so many seconds what has not ended is stopped."""
    return min(MAX_CLEANUP_S, limit_s / 2)


async def end_calls(calls: Calls, limit_s: float) -> None:
    """Let calls end, stop those that do not, and wait for them; at most so many seconds in all."""
    if not calls.has_stopped:
        if await calls.wait(limit_s - cleanup_s(limit_s)):
            return
        stop_calls(calls)
        limit_s = cleanup_s(limit_s)
    if not await calls.wait(limit_s):
        calls.cut()


def stop_calls(calls: Calls) -> None:
    """Stop calls, and say in the log how many had not ended in time."""
    count = calls.stop()
    if count:
        logger.warning("Stopping: calls that have not ended in time, and are told SERVER_STOPPING: %d", count)
