"""A request as handlers and middleware see it, and what its headers say."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from starlette.requests import Request

from streamactions.app.asgi import Scope

__all__ = ["ActionRequest", "LazyRequest", "accepts_event_stream"]


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


class ActionRequest(Request):
    """The Starlette request of a call, whose body the app reads within the action's bounds.

    In middleware that runs before the input is read, the first who asks for the body has it read.

    Args:
        scope: the request's.
        read_body: gives the body; raises ``ActionError`` where it is refused.
        is_gone: whether the client has left.
    """

    def __init__(
        self, scope: Scope, read_body: Callable[[], Awaitable[bytes]], is_gone: Callable[[], bool]
    ) -> None:
        super().__init__(scope, self._refuse_receive)
        self._read_body = read_body
        self._is_gone = is_gone

    @staticmethod
    def _refuse_receive() -> Awaitable[Any]:
        raise RuntimeError(
            "the connection is read by the app: use event.body(), event.json() or is_disconnected()"
        )

    async def body(self) -> bytes:
        """The request's body.

        Raises:
            ActionError: it is too large, not JSON, or too slow; let it pass, the client is told.
        """
        return await self._read_body()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The request's body, in one piece."""
        yield await self._read_body()

    async def is_disconnected(self) -> bool:
        """Whether the client has left; before the body is read, nobody knows."""
        return self._is_gone()


class LazyRequest:
    """The call's request, made when the first who takes ``event`` asks for it."""

    __slots__ = ("_is_gone", "_read_body", "_request", "_scope")

    def __init__(
        self, scope: Scope, read_body: Callable[[], Awaitable[bytes]], is_gone: Callable[[], bool]
    ) -> None:
        self._scope = scope
        self._read_body = read_body
        self._is_gone = is_gone
        self._request: Request | None = None

    def get(self) -> Request:
        """The one request of this call."""
        if self._request is None:
            self._request = ActionRequest(self._scope, self._read_body, self._is_gone)
        return self._request
