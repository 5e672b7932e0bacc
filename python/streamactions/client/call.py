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
from streamactions.errors import ActionError, DefinitionError

__all__ = ["Call", "CallAbortedError", "require_positive"]

ResultT = TypeVar("ResultT")


class CallAbortedError(Exception):
    """The call was aborted by its own side. It never leaves the client."""


class Call:
    """One call, made on the running loop; its time starts now.

    Args:
        timeout_s: the limit of the whole call, in seconds; ``None`` for none.
        idle_timeout_s: the limit of one wait for bytes, in seconds; ``None`` for none.
        first_event_timeout_s: the limit from now until `started`, in seconds; ``None`` for none.
    """

    def __init__(
        self,
        timeout_s: float | None,
        idle_timeout_s: float | None,
        first_event_timeout_s: float | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        now_s = self._loop.time()
        self._timeout_s = timeout_s
        self._deadline_s = math.inf if timeout_s is None else now_s + timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._first_event_timeout_s = first_event_timeout_s
        self._first_deadline_s = math.inf if first_event_timeout_s is None else now_s + first_event_timeout_s
        # Set while a wait is going on, so that `abort` can end it.
        self._wait_limit: asyncio.Timeout | None = None
        self.aborted = False
        # Why the call failed, if it did; a handle forgets it when the next call starts.
        self.error: ActionError | None = None

    def started(self) -> None:
        """The first event has come, so its limit counts no more."""
        self._first_deadline_s = math.inf

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
        idle_limit_s = math.inf if self._idle_timeout_s is None else now_s + self._idle_timeout_s
        limit_s = min(self._deadline_s, self._first_deadline_s, idle_limit_s)
        if limit_s <= now_s:
            # An operation that completes at once would never meet its timer.
            raise self._timed_out(limit_s)
        wait_limit = asyncio.timeout_at(None if limit_s == math.inf else limit_s)
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
                raise self._timed_out(limit_s) from exc
            raise
        if self.aborted:
            raise CallAbortedError
        return result

    def _timed_out(self, limit_s: float) -> ActionError:
        if limit_s == self._deadline_s:
            message = f"The stream timed out after {self._timeout_s:g} seconds"
        elif limit_s == self._first_deadline_s:
            message = f"The stream's first event did not come within {self._first_event_timeout_s:g} seconds"
        else:
            message = f"The stream was idle for {self._idle_timeout_s:g} seconds"
        return ActionError("TIMEOUT_ERROR", message, 408)


def require_positive(**limits: float | None) -> None:
    """Refuse a limit that is not more than 0.

    Raises:
        DefinitionError: with the name of the limit.
    """
    for name, limit in limits.items():
        if limit is not None and not limit > 0:
            raise DefinitionError(f"{name} must be more than 0, not {limit!r}")
