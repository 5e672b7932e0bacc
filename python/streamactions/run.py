"""A run: one execution of a handler, and how it ends.

A run knows its stream and nothing of the connection that reads it. However the handler leaves,
the stream is ended exactly once: complete, failed, or abandoned because the client is gone.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any, Final

from streamactions.action import StreamAction
from streamactions.dialects import Dialect
from streamactions.errors import ActionError, ClientDisconnectedError
from streamactions.stream import Stream
from streamactions.types import ServerErrorHandler

__all__ = ["Run", "to_action_error"]

logger = logging.getLogger("streamactions")

_HANDLER_FAILURE: Final = ActionError("STREAM_ERROR", "Stream handler error", 500)


async def to_action_error(
    error: Exception, handle_server_error: ServerErrorHandler | None, default: ActionError, *, action: str
) -> ActionError:
    """What a client is told of an exception; its details go to the log, once, with the traceback.

    Args:
        error: what was raised.
        handle_server_error: the action's own translation.
        default: what to say without one, or where that fails.
        action: the action's name, for the log.
    """
    if isinstance(error, ActionError):
        return error
    logger.error("action %s failed: %s", action, type(error).__name__, exc_info=error)
    if handle_server_error is None:
        return default
    try:
        answer = handle_server_error(error)
        if isawaitable(answer):
            answer = await answer
        return _read_answer(answer)
    except Exception:
        logger.exception(
            "action %s: handle_server_error failed, so the client is told %s", action, default.code
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

    Attributes:
        has_ended: whether the handler is done and its stream ended, so that there is nothing to wait for.
    """

    __slots__ = ("_action", "_dialect", "_stream", "_task", "has_ended")

    def __init__(
        self,
        action: StreamAction,
        dialect: Dialect,
        stream: Stream,
        offered: Mapping[str, Any],
        started: Callable[[], None],
    ) -> None:
        self._action = action
        self._dialect = dialect
        self._stream = stream
        self.has_ended = False
        self._task = asyncio.get_running_loop().create_task(self._main(offered, started), name=action.name)

    def client_left(self) -> None:
        """Nobody reads any more: stop the handler, unless it is meant to go on or has closed its stream."""
        if self._action.on_disconnect == "cancel":
            self._task.cancel()

    async def wait(self) -> None:
        """Wait until the handler is done.

        Raises:
            BaseException: what is no ``Exception`` and came out of the handler.
        """
        if not self._task.done():
            await asyncio.wait((self._task,))
        error = None if self._task.cancelled() else self._task.exception()
        if error is not None:
            raise error

    async def cancel(self) -> None:
        """Stop the handler, whatever its reader does, and wait until it is done."""
        self._task.cancel()
        await self.wait()

    async def _main(self, offered: Mapping[str, Any], started: Callable[[], None]) -> None:
        try:
            started()
            handler = self._action.run(self._stream, offered)
            # What the handler did not take need not live as long as it.
            del offered, started
            await handler
        except asyncio.CancelledError:
            # The client's leaving has abandoned the stream already; any other cancellation (a
            # server that shuts down, a task of the handler's own) must not look complete.
            self._fail(ActionError("STREAM_ERROR", "Stream handler was cancelled", 500))
        except Exception as error:
            if isinstance(error, ClientDisconnectedError) and self._stream._is_abandoned:
                return
            if isinstance(error, ActionError) and self._stream.closed and not self._stream._is_abandoned:
                logger.error(
                    "action %s raised %s after close(), so no client is told",
                    self._action.name,
                    error.code,
                    exc_info=error,
                )
                return
            self._fail(
                await to_action_error(
                    error, self._action.handle_server_error, _HANDLER_FAILURE, action=self._action.name
                )
            )
        except BaseException:
            self._fail(_HANDLER_FAILURE)
            raise
        else:
            self._stream.close()
        self.has_ended = True

    def _fail(self, error: ActionError) -> None:
        self._stream._finish(self._dialect.error(error))
