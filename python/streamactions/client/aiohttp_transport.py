"""The transport for a caller's own aiohttp session.

Strategy: bytes are taken from the connection's buffer as they lie there, with no generator and no
copy in between. Its reading stops by itself at twice aiohttp's ``read_bufsize`` (64 KiB by
default), so a slow caller holds a bounded number of bytes. Whoever has a session has aiohttp;
nobody else needs it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

from streamactions.client.header_fields import HeaderFields
from streamactions.client.transport import BodyBrokenError, ConnectFailedError, Request, Response

if TYPE_CHECKING:
    import aiohttp

__all__ = ["AiohttpTransport"]

Errors: TypeAlias = tuple[type[Exception], ...]


class AiohttpTransport:
    """Requests through an ``aiohttp.ClientSession``.

    The session's connect timeouts hold. Its ``total`` and ``sock_read`` do not: by default they
    would cut every stream after five minutes, and a stream has the call's own limits. Redirects
    are not followed, so that an input is never sent to an address that the caller did not name.
    Bodies are taken as they come, whatever the session's ``auto_decompress``: aiohttp would inflate
    what came with the head before anybody could refuse it.

    Args:
        session: the caller's own session, which is never closed here.
    """

    def __init__(self, session: "aiohttp.ClientSession") -> None:
        import aiohttp

        self._session = session
        self._errors: Errors = (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError)

    @asynccontextmanager
    async def open_response(self, request: Request) -> AsyncIterator[Response]:
        """Send the request; see `Transport.open_response`."""
        import aiohttp

        limits = self._session.timeout
        try:
            response = await self._session.request(
                request.method,
                request.url,
                headers=request.headers,
                # A file's body is written in pieces, so that a large one does not hold the loop up.
                data=None if request.body is None else BytesIO(request.body),
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(connect=limits.connect, sock_connect=limits.sock_connect),
            )
        except self._errors as exc:
            raise ConnectFailedError(str(exc) or type(exc).__name__) from exc
        with _watch_connection(response):
            try:
                yield _AiohttpResponse(response, self._errors)
            finally:
                response.close()


class _AiohttpResponse:
    def __init__(self, response: "aiohttp.ClientResponse", errors: Errors) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = HeaderFields(response.headers.items())
        self._content = response.content
        self._errors = errors

    async def read(self) -> bytes:
        try:
            while not self._content.at_eof():
                if data := await self._content.readany():
                    return data
            # Set by `_watch_connection` after the end, so no read has raised it.
            if (exception := self._content.exception()) is not None:
                raise exception
        except self._errors as exc:
            raise BodyBrokenError(str(exc) or type(exc).__name__) from exc
        return b""


@contextmanager
def _watch_connection(response: "aiohttp.ClientResponse") -> Iterator[None]:
    """Fail the body for two ends of its connection that aiohttp does not report.

    A body without a length ends with its connection (RFC 9112, section 6.3), and aiohttp takes a
    reset for that end. And where the framing turns to junk, it closes the connection and leaves
    the reader waiting for ever.
    """
    import aiohttp

    connection = response.connection
    closed = None if connection is None or connection.protocol is None else connection.protocol.closed
    if closed is None:
        # The response is whole already, and its connection given back.
        yield
        return
    content = response.content
    has_end = "content-length" in response.headers or "transfer-encoding" in response.headers

    def end_content(closed: "asyncio.Future[None]") -> None:
        broken = _retrieve(closed)
        if content.is_eof() and (has_end or broken is None):
            return
        if content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection ended within the body"))

    # A kept connection has the same future for all its responses, so only one `_retrieve` stays.
    closed.remove_done_callback(_retrieve)
    closed.add_done_callback(_retrieve)
    closed.add_done_callback(end_content)
    try:
        yield
    finally:
        closed.remove_done_callback(end_content)


def _retrieve(closed: "asyncio.Future[None]") -> BaseException | None:
    """How a connection ended. asyncio logs an exception that nobody has taken out of its future."""
    return None if closed.cancelled() else closed.exception()
