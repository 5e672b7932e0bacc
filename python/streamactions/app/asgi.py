"""What ASGI looks like: its types, and the messages that the app sends.

Rules: the ASGI HTTP specification, 2.5 (https://asgi.readthedocs.io/en/latest/specs/www.html).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

__all__ = [
    "EVENT_STREAM_HEADERS",
    "ASGIApp",
    "Headers",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "body_message",
    "start_message",
]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

EVENT_STREAM_HEADERS: Final[Headers] = [
    (b"content-type", b"text/event-stream"),
    # `no-transform` keeps proxies from compressing, which would gather chunks (RFC 9111, 5.2.2.6).
    (b"cache-control", b"no-cache, no-transform"),
    # nginx buffers answers unless it is told otherwise.
    (b"x-accel-buffering", b"no"),
]


def start_message(status: int, headers: Headers) -> Message:
    """The message that opens a response."""
    return {"type": "http.response.start", "status": status, "headers": headers}


def body_message(body: bytes, more_body: bool) -> Message:
    """One piece of a response's body."""
    return {"type": "http.response.body", "body": body, "more_body": more_body}
