"""The default transport: aiohttp, the cheapest reader of many small pieces that was measured.

Strategy: bytes are taken from the connection's buffer as they lie there, with no generator and no
copy in between. Its reading stops by itself at twice aiohttp's ``read_bufsize`` (64 KiB by
default), so a slow caller holds a bounded number of bytes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Final

import aiohttp

from streamactions.client.transport import BodyBrokenError, ConnectFailedError, Request, Response

__all__ = ["AiohttpTransport"]

CONNECT_TIMEOUT_S: Final = 30.0
"""How long an own session tries to reach a server; the call's ``timeout`` may end it sooner."""


class AiohttpTransport:
    """Requests through an ``aiohttp.ClientSession``.

    The session's connect timeouts hold. Its ``total`` and ``sock_read`` do not: by default they
    would cut every stream after five minutes, and a stream has the call's own limits. Redirects
    are not followed, so that an input is never sent to an address that the caller did not name.

    Args:
        session: the caller's own session, which is never closed here; ``None`` makes one at the
            first request, on the running loop, without cookies.
    """

    def __init__(self, session: aiohttp.ClientSession | None = None) -> None:
        self._session = session
        self._owns_session = session is None

    @asynccontextmanager
    async def open_response(self, request: Request) -> AsyncIterator[Response]:
        """Send the request; see `Transport.open_response`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
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
                timeout=aiohttp.ClientTimeout(connect=limits.connect, sock_connect=limits.sock_connect),
            )
        except (aiohttp.ClientError, OSError) as exc:
            raise ConnectFailedError(str(exc) or type(exc).__name__) from exc
        try:
            yield _AiohttpResponse(response)
        finally:
            response.close()

    async def aclose(self) -> None:
        """Close the session, if it was made here."""
        if self._owns_session and self._session is not None:
            session, self._session = self._session, None
            await session.close()


class _AiohttpResponse:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self._content = response.content
        self._connection_closed = _watch_close(response)

    async def read(self) -> bytes:
        try:
            while not self._content.at_eof():
                if data := await self._content.readany():
                    return data
            # A body without a length ends with its connection (RFC 9112, section 6.3), and aiohttp
            # takes a reset for that end.
            if self._connection_closed is not None and self._connection_closed.done():
                self._connection_closed.result()
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError) as exc:
            raise BodyBrokenError(str(exc) or type(exc).__name__) from exc
        return b""


def _watch_close(response: aiohttp.ClientResponse) -> "asyncio.Future[None] | None":
    """A future that fails where the connection broke; ``None`` where the response is whole already."""
    connection = response.connection
    if connection is None or connection.protocol is None:
        return None
    closed = connection.protocol.closed
    if closed is not None:
        # Taking the exception out keeps asyncio from logging one that nobody asked for.
        closed.add_done_callback(lambda future: future.cancelled() or future.exception())
    return closed
