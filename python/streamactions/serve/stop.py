"""The stop of one worker: when it began, what is told to whom by when.

From the first signal on, with ``--stop-timeout`` as the limit:

- at once: nothing new is accepted, and what is open goes on;
- two seconds before the limit (half of it, where it is shorter): calls that have not ended are cancelled, and
  their clients read ``SERVER_STOPPING``;
- halfway from there: the app is told that its life ends, whatever is still open;
- at the limit: the parent, or the worker itself where the parent is gone, ends the process.

Further signals change nothing, however many come and whoever sends them; but a second Ctrl-C cancels the
calls now.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from streamactions.app.calls import Calls, cleanup_s, stop_calls

__all__ = ["AGAIN_AFTER_S", "Stop"]

logger = logging.getLogger("streamactions")

AGAIN_AFTER_S: Final = 0.5
"""An interrupt this long after the first signal is a second Ctrl-C. One that comes sooner is the same: a
terminal tells every process of a command, and a program around this one may tell it too."""


class Stop:
    """The stop of this worker; used from its event loop.

    Args:
        limit_s: how long it may take.

    Attributes:
        calls: those of the worker.
        is_overdue: set when the app has to end although something is still open.
        hooks: called when the stop begins.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._began_s: float | None = None
        self.calls: Final = Calls()
        self.is_overdue: Final = asyncio.Event()
        self.hooks: Final[list[Callable[[], None]]] = []

    @property
    def has_begun(self) -> bool:
        """Whether the worker stops."""
        return self._began_s is not None

    def begin(self, event_loop: asyncio.AbstractEventLoop) -> None:
        """The first signal has come."""
        self._began_s = event_loop.time()
        for hook in self.hooks:
            hook()
        event_loop.call_later(self._limit_s - cleanup_s(self._limit_s), stop_calls, self.calls)
        event_loop.call_later(self._app_limit_s, self.is_overdue.set)

    def press_again(self, event_loop: asyncio.AbstractEventLoop) -> None:
        """An interrupt has come after the first signal."""
        if self._began_s is not None and event_loop.time() - self._began_s >= AGAIN_AFTER_S:
            stop_calls(self.calls)

    async def wait_for_calls(self) -> None:
        """Wait until the calls are over, no longer than until the app has to be told of its end."""
        event_loop = asyncio.get_running_loop()
        if self._began_s is None:
            self.begin(event_loop)
        assert self._began_s is not None
        left_s = self._began_s + self._app_limit_s - event_loop.time()
        if not await self.calls.wait(max(left_s, 0.0)):
            logger.error(
                "Stopping: calls whose handler or reader comes to no end, and that are cut: %d",
                len(self.calls),
            )

    @property
    def _app_limit_s(self) -> float:
        return self._limit_s - cleanup_s(self._limit_s) / 2
