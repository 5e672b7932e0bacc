"""The seam between a stream and the network: one request out, a head and bytes back.

Everything above this seam runs without a socket. A transport knows one HTTP library; it opens a
response, hands its body over as the bytes came, and reports failure with the two errors below,
so that nothing above has to know any library's exceptions.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from streamactions.errors import StreamActionsError

__all__ = ["BodyBrokenError", "ConnectFailedError", "Request", "Response", "Transport", "TransportError"]


class TransportError(StreamActionsError):
    """A fault of the network; its cause is the HTTP library's own exception."""


class ConnectFailedError(TransportError):
    """No response came: the address, the connection, TLS or the response's head failed."""


class BodyBrokenError(TransportError):
    """The body ended before its framing (RFC 9112, section 8) said so, or its bytes are no valid HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: in upper case.
        url: absolute, with its query.
        headers: names are unique whatever their case.
        body: JSON, or ``None`` for no body.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class Response(Protocol):
    """The head of a response, and its body as it comes."""

    @property
    def status(self) -> int:
        """The HTTP status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields; looking one up ignores case, and gives all of one name, joined by commas.

        A body whose ``content-encoding`` or ``transfer-encoding`` names a compression is refused unread: a
        transport that undoes one itself leaves it out, and is bounded in what it makes of a read.
        """

    async def read(self) -> bytes:
        """The next bytes as they came, at least one; ``b""`` at the end of a complete body, and ever after.

        Raises:
            BodyBrokenError: the body ended before it was complete.
        """


class Transport(Protocol):
    """What opens a response. It sets no limit on how long the body may take or pause."""

    def open_response(self, request: Request) -> AbstractAsyncContextManager[Response]:
        """Send the request; entering waits for the response's head.

        Leaving closes the connection, unless the body was read to its end: then it may be kept
        for another request. Both must survive cancellation.

        Raises:
            ConnectFailedError: on entering, where no response came.
        """
