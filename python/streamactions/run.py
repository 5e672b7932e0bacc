"""A run: one execution of a handler, and how it ends.

A run knows its stream and nothing of the connection that reads it. However the handler leaves,
the stream is ended exactly once: complete, failed, or abandoned because the client is gone. Ending it
cannot fail: whatever goes wrong then is logged, and the client is told ``STREAM_ERROR``. And nothing
that comes out of a handler ends its worker, where other streams live.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Final, TypeVar

from streamactions.action import StreamAction
from streamactions.dialects import Dialect
from streamactions.errors import ActionError, ClientDisconnectedError, ExitAttemptError
from streamactions.stream import Stream
from streamactions.types import ServerErrorHandler

__all__ = ["Run", "contain_exit", "log_failure", "server_stopping", "to_action_error"]

logger = logging.getLogger("streamactions")

ResultT = TypeVar("ResultT")

MAX_TRANSLATION_S: Final = 10.0
"""How long an async ``handle_server_error`` may take, while its client waits for the error."""

_HANDLER_FAILURE: Final = ActionError("STREAM_ERROR", "Stream handler error", 500)

_HANDLER_CANCELLED: Final = ActionError("STREAM_ERROR", "Stream handler was cancelled", 500)

_EXITS: Final = (SystemExit, KeyboardInterrupt)
"""What ends the event loop, and so every stream of the process, when it leaves a task."""


def server_stopping() -> ActionError:
    """What the client of a call is told that has not ended in the time that a stop leaves."""
    return ActionError("SERVER_STOPPING", "The server is stopping: try again", 503)


def sole_failure(error: BaseException) -> BaseException:
    """The failure that a group holds, where it holds one only: a task group wraps what its tasks raise."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def contain_exit(awaitable: Awaitable[ResultT]) -> ResultT:
    """Await what must not end the process.

    Raises:
        ExitAttemptError: in place of ``SystemExit`` and ``KeyboardInterrupt``.
    """
    try:
        return await awaitable
    except _EXITS as error:
        raise _exit_attempt(error) from error


def _exit_attempt(error: BaseException) -> ExitAttemptError:
    attempt = ExitAttemptError(
        f"{type(error).__name__} ends no worker, because other streams live in it: "
        "raise create_action_error(...) to end one call"
    )
    attempt.__cause__ = error
    return attempt


def log_failure(message: str, *arguments: object, error: BaseException) -> None:
    """Log an error with its traceback. What a filter of the log raises must keep no stream open."""
    try:
        logger.error(message, *arguments, exc_info=error)
    except BaseException as fault:
        # Past the filters and handlers that the log has; and without what may have failed to be written.
        if logging.lastResort is not None:
            text = f"the log has failed ({type(fault).__name__}) at: {message}"
            logging.lastResort.handle(
                logging.LogRecord(logger.name, logging.ERROR, __file__, 0, text, arguments, None)
            )


def as_it_can_be_told(error: ActionError) -> ActionError:
    """The error itself.

    Raises:
        BaseException: it was never made rightly, or was changed since into what cannot be told.
    """
    ActionError(error.code, error.message, error.status_code, error.field_errors, error.headers)
    return error


async def to_action_error(
    error: BaseException, handle_server_error: ServerErrorHandler | None, default: ActionError, *, action: str
) -> ActionError:
    """What a client is told of an exception; its details go to the log, once, with the traceback.

    Args:
        error: what was raised.
        handle_server_error: the action's own translation.
        default: what to say without one, or where that fails.
        action: the action's name, for the log.
    """
    error = sole_failure(error)
    if isinstance(error, ActionError):
        try:
            return as_it_can_be_told(error)
        except BaseException as fault:
            log_failure("action %s: its %s cannot be told", action, type(error).__name__, error=fault)
            return default
    if not isinstance(error, Exception):
        error = _exit_attempt(error)
    log_failure("action %s failed: %s", action, type(error).__name__, error=error)
    if handle_server_error is None:
        return default
    try:
        answer = handle_server_error(error)
        if isawaitable(answer):
            async with asyncio.timeout(MAX_TRANSLATION_S):
                answer = await answer
        return as_it_can_be_told(_read_answer(answer))
    except (Exception, *_EXITS) as fault:
        log_failure(
            "action %s: handle_server_error failed, so the client is told %s",
            action,
            default.code,
            error=fault,
        )
        return default


def _read_answer(answer: Any) -> ActionError:
    if isinstance(answer, ActionError):
        return answer
    if isinstance(answer, Mapping):
        fields = dict(answer)
        status_code = fields.pop("statusCode", None)
        if status_code is not None:
            fields["status_code"] = status_code
        return ActionError(**{"status_code": 500, **fields})
    if isinstance(answer, tuple):
        code, message, status_code = answer
        return ActionError(code, message, status_code)
    raise TypeError(
        f"handle_server_error returned a {type(answer).__name__}: return create_action_error(code, message, "
        "status_code), or the three as a tuple or a dict"
    )


class Run:
    """The handler's task and the end of its stream.

    Args:
        action: what runs.
        dialect: how the stream's failure is spelled.
        stream: what the handler sends into.
        offered: values by parameter name.
        started: called when the handler starts, which in a busy event loop is not at once.
        context: what the handler runs in (PEP 567); ``None`` takes a copy of the caller's.

    Attributes:
        has_ended: whether the handler is done and its stream ended, so that there is nothing to wait for.
    """

    __slots__ = ("_action", "_dialect", "_is_stopped", "_stream", "_task", "has_ended")

    def __init__(
        self,
        action: StreamAction,
        dialect: Dialect,
        stream: Stream,
        offered: Mapping[str, Any],
        started: Callable[[], None],
        context: contextvars.Context | None = None,
    ) -> None:
        self._action = action
        self._dialect = dialect
        self._stream = stream
        self._is_stopped = False
        self.has_ended = False
        self._task = asyncio.get_running_loop().create_task(
            self._main(offered, started), name=action.name, context=context
        )
        self._task.add_done_callback(self._ensure_end)

    def client_left(self) -> None:
        """Nobody reads any more: stop the handler, unless it is meant to go on or has closed its stream."""
        if self._action.on_disconnect == "cancel":
            self._task.cancel()

    def stop(self) -> None:
        """The server stops: cancel the handler, whether or not somebody still reads."""
        self._is_stopped = True
        self._stream._cut()
        self._task.cancel()

    def cut(self) -> None:
        """The time of a stop is over: end the stream, whatever the handler does."""
        if not self.has_ended:
            self._end(server_stopping())

    async def wait(self) -> None:
        """Wait until the handler is done."""
        if not self._task.done():
            await asyncio.wait((self._task,))

    async def cancel(self) -> None:
        """Stop the handler, whatever its reader does, and wait until it is done."""
        self._task.cancel()
        await self.wait()

    async def _main(self, offered: Mapping[str, Any], started: Callable[[], None]) -> None:
        try:
            try:
                started()
                handler = self._action.run(self._stream, offered)
                # What the handler did not take need not live as long as it.
                del offered, started
                returned = await handler
                if returned is not None:
                    raise self._action.explain_return(returned)
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:
                failure = await self._failure_of(error)
            else:
                # One that has swallowed the cancellation was cut all the same, and must not look complete.
                failure = server_stopping() if self._is_stopped else None
        except asyncio.CancelledError:
            failure = self._cancellation()
        except GeneratorExit:
            # The loop was closed while the handler waited: here nothing can be awaited any more.
            self._end(_HANDLER_FAILURE)
            raise
        self._end(failure)

    async def _failure_of(self, error: BaseException) -> ActionError | None:
        """What to end the stream with; ``None`` where it has ended, or nobody is there to be told."""
        error = sole_failure(error)
        if isinstance(error, ClientDisconnectedError) and self._stream._is_abandoned:
            return None
        if isinstance(error, ActionError) and self._stream.closed and not self._stream._is_abandoned:
            log_failure(
                "action %s raised %s after close(), so no client is told",
                self._action.name,
                type(error).__name__,
                error=error,
            )
            return None
        return await to_action_error(
            error, self._action.handle_server_error, _HANDLER_FAILURE, action=self._action.name
        )

    def _cancellation(self) -> ActionError:
        # The client's leaving has abandoned the stream already; any other cancellation (a server that
        # stops, a task of the handler's own) must not look complete.
        return server_stopping() if self._is_stopped else _HANDLER_CANCELLED

    def _end(self, failure: ActionError | None) -> None:
        """End the stream, unless it has ended; no fault of an error or of a dialect can keep it open."""
        self.has_ended = True
        if failure is None:
            _ = self._stream.close()
            return
        for told in (failure, _HANDLER_FAILURE):
            try:
                self._stream._finish(self._dialect.error(told))
            except BaseException as fault:
                log_failure("action %s: its error could not be written", self._action.name, error=fault)
            else:
                return
        # There is no way to say it: a cut is what it is, and what a client sees then.
        self._stream._abandon()

    def _ensure_end(self, task: "asyncio.Task[None]") -> None:
        """A task that was cancelled before its first step has not run; one may fail to say why it failed."""
        if not self.has_ended:
            self._end(self._cancellation() if task.cancelled() else _HANDLER_FAILURE)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_failure("action %s failed, and so did what tells of it", self._action.name, error=error)
