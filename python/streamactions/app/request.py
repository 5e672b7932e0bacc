"""Reading a request: what it accepts, its media type, and its body within its bounds."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request

from streamactions.app.asgi import Receive, Scope
from streamactions.app.pulse import Pulse
from streamactions.errors import ActionError

__all__ = ["ActionRequest", "ClientLeftError", "accepts_event_stream", "read_body"]

_JSON: Final = b"application/json"
_JSON_SUFFIX: Final = re.compile(rb"application/[a-z0-9!#$&^_.+-]+\+json")
"""A restricted name (RFC 6838, 4.2) that ends so, and no list of media types."""


class ClientLeftError(Exception):
    """The client left before its request was read; nobody waits for an answer."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def accepts_event_stream(scope: Scope) -> bool:
    """Whether ``Accept`` names ``text/event-stream`` (RFC 9110, 12.5.1; ``q=0`` takes it back)."""
    for key, value in scope["headers"]:
        if key != b"accept":
            continue
        for part in value.lower().split(b","):
            media_type, *parameters = (piece.strip() for piece in part.split(b";"))
            if media_type == b"text/event-stream":
                return not any(_is_zero_quality(parameter) for parameter in parameters)
    return False


def _is_zero_quality(parameter: bytes) -> bool:
    name, _, value = parameter.partition(b"=")
    return name.strip() == b"q" and value.strip().rstrip(b"0") in (b"", b".", b"0.")


def _refuse_large(max_body_bytes: int) -> ActionError:
    return ActionError("PAYLOAD_TOO_LARGE", f"Request body is larger than {max_body_bytes} bytes", 413)


def _refuse_media_type() -> ActionError:
    return ActionError(
        "UNSUPPORTED_MEDIA_TYPE", "Request body must be JSON: send Content-Type: application/json", 415
    )


def _is_json(content_type: bytes) -> bool:
    """Whether it is JSON's media type or one that is JSON (RFC 6839, 3.1), whatever its parameters."""
    if content_type == _JSON:
        return True
    media_type = content_type.partition(b";")[0].strip(b" \t").lower()
    return media_type == _JSON or _JSON_SUFFIX.fullmatch(media_type) is not None


async def read_body(
    scope: Scope,
    receive: Receive,
    pulse: Pulse,
    *,
    max_body_bytes: int,
    timeout_s: float,
    strict_content_type: bool,
) -> bytes:
    """The whole body of a JSON request.

    An empty body needs no media type, because it says nothing that could be mistaken.

    Args:
        scope: the request's.
        receive: the server's, for this request.
        pulse: the running loop's.
        max_body_bytes: how large it may be.
        timeout_s: seconds that it may take to arrive as a whole; they count once the pulse has beaten.
        strict_content_type: whether a body that names no media type is refused. A page of another
            site may make a browser send such a one without asking (Fetch, "CORS-preflight request").

    Raises:
        ActionError: it is too large (413; found before the rest is read), not JSON (415), or too slow (408).
        ClientLeftError: the client left while it was sending.
    """
    expected_bytes = None
    is_json = not strict_content_type
    names_other_type = False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            expected_bytes = int(value)
        elif name == b"content-type":
            is_json = True
            # What one reader takes from the first of two headers, another takes from the last.
            names_other_type = names_other_type or not _is_json(value)
    if expected_bytes == 0:
        return b""
    is_json = is_json and not names_other_type
    if expected_bytes is not None:
        if expected_bytes > max_body_bytes:
            raise _refuse_large(max_body_bytes)
        if not is_json:
            raise _refuse_media_type()
    wait = _Wait(timeout_s)
    pulse.call_when_settled(wait.limit)
    try:
        return await _read_pieces(receive, expected_bytes, max_body_bytes, is_json=is_json)
    except asyncio.CancelledError:
        if not wait.has_ended_it():
            raise
        raise ActionError(
            "REQUEST_TIMEOUT", f"Request body did not arrive within {timeout_s:g} s", 408
        ) from None
    finally:
        wait.end()


class _Wait:
    """The wait of the running task for a body: ``asyncio.timeout``, whose timer comes only when it is needed.

    A timer costs as much as reading a body that is there already, as nearly every one is.
    """

    __slots__ = ("_cancelling", "_has_expired", "_is_over", "_task", "_timeout_s", "_timer")

    def __init__(self, timeout_s: float) -> None:
        task = asyncio.current_task()
        assert task is not None, "servers call an app in a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._has_expired = False
        self._is_over = False

    def limit(self) -> None:
        """Give it an end, if it is not over."""
        if not self._is_over:
            self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._expire)

    def _expire(self) -> None:
        self._has_expired = True
        self._task.cancel()

    def has_ended_it(self) -> bool:
        """Whether the task was cancelled by this wait alone; then it is no longer."""
        return self._has_expired and self._task.uncancel() <= self._cancelling

    def end(self) -> None:
        """It is over."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()


async def _read_pieces(
    receive: Receive, expected_bytes: int | None, max_body_bytes: int, *, is_json: bool
) -> bytes:
    # No list: a body in pieces of one byte would take forty times its size.
    earlier = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientLeftError
        piece: bytes = message.get("body", b"")
        read_bytes = len(earlier) + len(piece)
        if read_bytes > max_body_bytes:
            raise _refuse_large(max_body_bytes)
        if piece and not is_json:
            raise _refuse_media_type()
        # A server may need another call to say that there is nothing more; the length says it too.
        if read_bytes == expected_bytes or not message.get("more_body", False):
            return bytes(earlier + piece) if earlier else piece
        earlier += piece


class ActionRequest(Request):
    """The Starlette request of a call whose body was read already."""

    def __init__(self, scope: Scope, body: bytes, is_gone: Callable[[], bool]) -> None:
        super().__init__(scope, self._refuse_receive)
        self._read_body = body
        self._is_gone = is_gone

    @staticmethod
    def _refuse_receive() -> Awaitable[Any]:
        raise RuntimeError(
            "the connection is read by the app: use event.body(), event.json() or is_disconnected()"
        )

    async def body(self) -> bytes:
        """The request's body."""
        return self._read_body

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The request's body, in one piece."""
        yield self._read_body

    async def is_disconnected(self) -> bool:
        """Whether the client has left."""
        return self._is_gone()
