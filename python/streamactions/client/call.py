"""One call of a stream: what aborts it, and by when it must have ended.

Strategy: only waits on the network can be interrupted, so a callback is never cut in half. Each
such wait runs in the caller's own task, which is cancelled to interrupt it, as ``asyncio.Timeout``
does; so no task is started, and an outer cancellation keeps its meaning. A stream waits once for
each token, so a wait costs no timer: the call has one, and when it comes too early because
bytes came meanwhile, it is set again. Limits only move on, so it never comes too late.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from streamactions._core import due_turn
from streamactions.client.transport import TransportError
from streamactions.errors import ActionError, DefinitionError

__all__ = ["Call", "CallAbortedError", "require_positive"]

ResultT = TypeVar("ResultT")


IDLE_GRACE_TURNS: Final = 3
"""How often the loop turns once more before a wait counts as idle. Where the loop was busy, bytes may have
come that it has not looked at: they are seen in the next turn, and the task that waits for them runs in the
turn after it. uvloop needs one more, because its timers come before its sockets."""


class CallAbortedError(Exception):
    """The call was aborted by its own side. It never leaves the client."""


class Interruptible(Protocol):
    """What waits for bytes by itself, such as an ``EventReader``."""

    @property
    def waited_s(self) -> float | None:
        """For how long it has waited, in seconds; ``None`` while it does not."""

    def interrupt(self, error: Exception) -> None:
        """Raise ``error`` where it waits, or at its next wait; from the event loop's thread."""


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
        self._has_limits = any(
            limit is not None for limit in (timeout_s, idle_timeout_s, first_event_timeout_s)
        )
        self._first_event_timeout_s = first_event_timeout_s
        self._first_deadline_s = math.inf if first_event_timeout_s is None else now_s + first_event_timeout_s
        self._waiting_since_s = now_s
        self._reader: Interruptible | None = None
        # Set while a wait is going on, so that it can be interrupted.
        self._waiting_task: asyncio.Task[Any] | None = None
        self._is_interrupted = False
        # Comes no later than the limit of the wait that is going on.
        self._timer: asyncio.Handle | None = None
        self.aborted = False
        # Why the call failed, if it did; a handle forgets it when the next call starts.
        self.error: ActionError | None = None

    @property
    def is_unlimited(self) -> bool:
        """Whether no limit can interrupt it; a call that nobody aborts need not `wait` then."""
        return not self._has_limits

    def started(self) -> None:
        """The first event has come, so its limit counts no more."""
        self._first_deadline_s = math.inf

    def overdue(self) -> ActionError | None:
        """The error where the limit of the whole call is over; for who goes on without a `wait`."""
        if self._loop.time() < self._deadline_s:
            return None
        return self._timed_out(self._deadline_s)

    def abort(self) -> None:
        """End the wait that is going on, and refuse every later one; from the loop's thread only."""
        self.aborted = True
        self._interrupt()

    def guard(self, reader: Interruptible) -> None:
        """Hold a reader to the limits, until `close`, also while it is not within `wait`.

        Nobody aborts such a call.
        """
        self._reader = reader
        # One that the wait for the head has set comes no later than it must.
        if self._has_limits and self._timer is None:
            self._set_timer(self._limit_s())

    def close(self) -> None:
        """Let go of the timer and the reader: there will be no further wait."""
        self._reader = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def wait(self, operation: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Run one operation on the network within the call's limits.

        Raises:
            CallAbortedError: the call was aborted, before or meanwhile.
            ActionError: a limit was reached (``TIMEOUT_ERROR``).
        """
        if (turn := due_turn()) is not None:
            # A body that is always there would keep the loop from its timers and its other tasks.
            await turn
        if self.aborted:
            raise CallAbortedError
        if self._has_limits:
            now_s = self._waiting_since_s = self._loop.time()
            if now_s >= self._deadline_s or now_s >= self._first_deadline_s:
                # An operation that completes at once would never meet its timer.
                raise self._timed_out(self._limit_s())
            if self._timer is None:
                self._set_timer(self._limit_s())
        task = asyncio.current_task(self._loop)
        assert task is not None
        cancelling = task.cancelling()
        self._waiting_task = task
        try:
            result = await operation()
        except (asyncio.CancelledError, TransportError) as exc:
            is_ours = self._is_interrupted and task.uncancel() <= cancelling
            if isinstance(exc, asyncio.CancelledError) and not is_ours:
                raise
            if self.aborted:
                raise CallAbortedError from exc
            if is_ours:
                raise self._timed_out(self._limit_s()) from exc
            raise
        else:
            if self._is_interrupted:
                task.uncancel()
        finally:
            self._waiting_task = None
            self._is_interrupted = False
        if self.aborted:
            raise CallAbortedError
        return result

    def _limit_s(self) -> float:
        """When the wait that is going on must have ended."""
        idle_limit_s = (
            math.inf if self._idle_timeout_s is None else self._waiting_since_s + self._idle_timeout_s
        )
        return min(self._deadline_s, self._first_deadline_s, idle_limit_s)

    def _set_timer(self, limit_s: float) -> None:
        if limit_s != math.inf:
            self._timer = self._loop.call_at(limit_s, self._on_timer)

    def _on_timer(self, turns_left: int = IDLE_GRACE_TURNS) -> None:
        self._timer = None
        now_s = self._loop.time()
        if self._waiting_task is None:
            if self._reader is None:
                return
            # Who does not wait for bytes is not idle.
            self._waiting_since_s = now_s - (self._reader.waited_s or 0)
        limit_s = self._limit_s()
        if limit_s > now_s:
            self._set_timer(limit_s)
        elif limit_s < min(self._deadline_s, self._first_deadline_s) and turns_left > 0:
            self._timer = self._loop.call_soon(self._on_timer, turns_left - 1)
        else:
            self._interrupt()

    def _interrupt(self) -> None:
        if self._waiting_task is not None:
            if not self._is_interrupted:
                self._is_interrupted = True
                self._waiting_task.cancel()
        elif self._reader is not None:
            self._reader.interrupt(self._timed_out(self._limit_s()))

    def _timed_out(self, limit_s: float) -> ActionError:
        if limit_s == self._deadline_s:
            message = f"The stream timed out after {self._timeout_s:g} seconds"
        elif limit_s == self._first_deadline_s:
            message = f"The stream's first event did not come within {self._first_event_timeout_s:g} seconds"
        else:
            message = f"The stream was idle for {self._idle_timeout_s:g} seconds"
        return ActionError("TIMEOUT_ERROR", message, 408)


def require_positive(**limits: float | None) -> None:
    """Refuse a limit that is no number above 0; ``math.inf`` is no limit, as ``None`` is.

    Raises:
        DefinitionError: with the name of the limit.
    """
    for name, limit in limits.items():
        if limit is None:
            continue
        if not isinstance(limit, int | float) or isinstance(limit, bool) or not limit > 0:
            raise DefinitionError(f"{name} must be more than 0, not {limit!r}: write a number")
