"""Reading a request: what it accepts, its media type, and its body within a bound."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request

from streamactions.app.asgi import Receive, Scope
from streamactions.errors import ActionError

__all__ = ["ActionRequest", "ClientLeftError", "accepts_event_stream", "read_body"]

_JSON: Final = b"application/json"


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


def _is_json(content_type: bytes) -> bool:
    if content_type == _JSON:
        return True
    media_type = content_type.partition(b";")[0].strip().lower()
    return media_type == _JSON or (media_type.startswith(b"application/") and media_type.endswith(b"+json"))


async def read_body(scope: Scope, receive: Receive, max_body_bytes: int) -> bytes:
    """The whole body of a JSON request.

    Raises:
        ActionError: it is too large (413; found before the rest is read) or not JSON (415).
        ClientLeftError: the client left while it was sending.
    """
    expected_bytes = content_type = None
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            expected_bytes = int(value)
        elif name == b"content-type":
            content_type = value
    if expected_bytes is not None and expected_bytes > max_body_bytes:
        raise _refuse_large(max_body_bytes)
    if content_type is not None and not _is_json(content_type) and expected_bytes != 0:
        raise ActionError(
            "UNSUPPORTED_MEDIA_TYPE", "Request body must be JSON: send Content-Type: application/json", 415
        )
    earlier: list[bytes] = []
    read_bytes = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientLeftError
        piece: bytes = message.get("body", b"")
        read_bytes += len(piece)
        if read_bytes > max_body_bytes:
            raise _refuse_large(max_body_bytes)
        # A server may need another call to say that there is nothing more; the length says it too.
        if read_bytes == expected_bytes or not message.get("more_body", False):
            return b"".join((*earlier, piece)) if earlier else piece
        earlier.append(piece)


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
