"""One call of a stream: what aborts it, and by when it must have ended.

Strategy: only waits on the network can be interrupted, so a callback is never cut in half. Each
such wait runs in the caller's own task under an ``asyncio.Timeout``; `abort` moves that timeout
to now. So no task is started, and what an outer cancellation means stays asyncio's business.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streamactions.client.transport import TransportError
from streamactions.errors import ActionError

__all__ = ["Call", "CallAbortedError"]

ResultT = TypeVar("ResultT")


class CallAbortedError(Exception):
    """The call was aborted by its own side. It never leaves the client."""


class Call:
    """One call, made on the running loop; its time starts now.

    Args:
        timeout_s: the limit of the whole call, in seconds; ``None`` for none.
        idle_timeout_s: the limit of one wait for bytes, in seconds; ``None`` for none.
    """

    def __init__(self, timeout_s: float | None, idle_timeout_s: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._deadline_s = None if timeout_s is None else self._loop.time() + timeout_s
        self._idle_timeout_s = idle_timeout_s
        # Set while a wait is going on, so that `abort` can end it.
        self._wait_limit: asyncio.Timeout | None = None
        self.aborted = False
        # Why the call failed, if it did; a handle forgets it when the next call starts.
        self.error: ActionError | None = None

    def abort(self) -> None:
        """End the wait that is going on, and refuse every later one; from the loop's thread only."""
        self.aborted = True
        if self._wait_limit is not None and not self._wait_limit.expired():
            self._wait_limit.reschedule(self._loop.time())

    async def wait(self, operation: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Run one operation on the network within the call's limits.

        Raises:
            CallAbortedError: the call was aborted, before or meanwhile.
            ActionError: a limit was reached (``TIMEOUT_ERROR``).
        """
        if self.aborted:
            raise CallAbortedError
        now_s = self._loop.time()
        limit_s = math.inf if self._deadline_s is None else self._deadline_s
        idle_limit_s = math.inf if self._idle_timeout_s is None else now_s + self._idle_timeout_s
        idle = idle_limit_s < limit_s
        if limit_s <= now_s:
            # An operation that completes at once would never meet its timer.
            raise self._timed_out(idle=False)
        first_limit_s = min(limit_s, idle_limit_s)
        wait_limit = asyncio.timeout_at(None if first_limit_s == math.inf else first_limit_s)
        try:
            async with wait_limit:
                self._wait_limit = wait_limit
                try:
                    result = await operation()
                finally:
                    self._wait_limit = None
        except (TimeoutError, TransportError) as exc:
            if self.aborted:
                raise CallAbortedError from exc
            if wait_limit.expired():
                raise self._timed_out(idle=idle) from exc
            raise
        if self.aborted:
            raise CallAbortedError
        return result

    def _timed_out(self, *, idle: bool) -> ActionError:
        if idle:
            message = f"The stream was idle for {self._idle_timeout_s:g} seconds"
        else:
            message = f"The stream timed out after {self._timeout_s:g} seconds"
        return ActionError("TIMEOUT_ERROR", message, 408)
