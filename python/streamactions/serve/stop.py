"""The stop of one worker: when it began, what is told to whom by when.

From the first signal on, with ``--stop-timeout`` as the limit:

- at once: nothing new is accepted, and what is open goes on;
- two seconds before the limit (half of it, where it is shorter): calls that have not ended are cancelled, and
  their clients read ``SERVER_STOPPING``;
- halfway from there: streams whose handlers go on all the same are ended for them, and the app is told that
  its life ends, whatever is still open;
- at the limit: the parent, or the worker itself where the parent is gone, ends the process.

Further signals change nothing, however many come and whoever sends them; but a second Ctrl-C cancels the
calls now.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from streamactions.app.calls import Calls, cleanup_s, stop_calls

__all__ = ["AGAIN_AFTER_S", "HURRIED_STOP_S", "Stop", "Told"]

AGAIN_AFTER_S: Final = 0.5
"""An interrupt this long after the first signal is a second Ctrl-C. One that comes sooner is the same: a
terminal tells every process of a command, and a program around this one may tell it too."""

HURRIED_STOP_S: Final = 2.0
"""How long a second Ctrl-C leaves for streams to read their error, and for handlers to clean up."""


class Told(Protocol):
    """A number that two processes share."""

    value: float


class Stop:
    """The stop of this worker; used from its event loop.

    Args:
        limit_s: how long it may take.
        told_s: when the main process has told this worker, by the monotonic clock; 0 if it has not.

    Attributes:
        calls: those of the worker.
        is_overdue: set when the app has to end although something is still open.
        hooks: called when the stop begins.
    """

    def __init__(self, limit_s: float, told_s: Told) -> None:
        self._limit_s = limit_s
        self._told_s = told_s
        self._app_limit_s = limit_s - cleanup_s(limit_s) / 2
        self._began_s: float | None = None
        self.calls: Final = Calls()
        self.is_overdue: Final = asyncio.Event()
        self.hooks: Final[list[Callable[[], None]]] = []

    @property
    def has_begun(self) -> bool:
        """Whether the worker stops."""
        return self._began_s is not None

    def begin(self, event_loop: asyncio.AbstractEventLoop) -> None:
        """The first signal has come, now or while the event loop was busy."""
        gone_s = max(0.0, time.monotonic() - self._told_s.value) if self._told_s.value else 0.0
        self._began_s = event_loop.time() - gone_s
        for hook in self.hooks:
            hook()
        stop_in_s = self._limit_s - cleanup_s(self._limit_s) - gone_s
        event_loop.call_later(max(0.0, stop_in_s), stop_calls, self.calls)
        event_loop.call_later(max(0.0, self._app_limit_s - gone_s), self._end_app)

    def press_again(self, event_loop: asyncio.AbstractEventLoop) -> None:
        """An interrupt has come after the first signal."""
        if self._began_s is not None and event_loop.time() - self._began_s >= AGAIN_AFTER_S:
            stop_calls(self.calls)
            event_loop.call_later(HURRIED_STOP_S / 2, self._end_app)

    async def wait_for_calls(self) -> None:
        """Wait until the calls are over, no longer than until the app has to be told of its end."""
        event_loop = asyncio.get_running_loop()
        if self._began_s is None:
            self.begin(event_loop)
        assert self._began_s is not None
        await self.calls.wait(max(0.0, self._began_s + self._app_limit_s - event_loop.time()))

    def _end_app(self) -> None:
        if not self.is_overdue.is_set():
            self.calls.cut()
            self.is_overdue.set()
