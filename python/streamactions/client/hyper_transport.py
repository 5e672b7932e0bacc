"""The transport that is built in: hyper, on one thread for all streams of the process.

Strategy: the thread reads sockets, TLS and HTTP without the interpreter's lock, and wakes an event
loop once for all streams that have news. The loop never waits for it: whoever asks for what has not
come yet is run when it has. A stream whose bytes are not taken is not read further, so a slow caller
holds a bounded number of bytes (16 KiB, and a read or two).
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final
from weakref import WeakKeyDictionary, ref

from streamactions._core import HTTPClient, HTTPExchange, HTTPMailbox
from streamactions.client.header_fields import HeaderFields
from streamactions.client.transport import BodyBrokenError, ConnectFailedError, Request, Response

__all__ = ["HyperResponse", "HyperTransport"]

CONNECT_TIMEOUT_S: Final = 30.0
"""How long a connection may take, TLS included; the call's ``timeout`` may end it sooner."""

_mailboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, ref[HTTPMailbox]] = WeakKeyDictionary()
"""The mailbox of each loop, which alone holds it: it goes with the loop, whatever was pending there."""


class HyperTransport:
    """Requests by HTTP/1.1, or by HTTP/2 where a TLS server offers it.

    TLS trusts the system's roots (``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count); proxies are those of
    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, and must be ``http://`` ones: where
    they are SOCKS or TLS proxies, pass an ``httpx.AsyncClient`` instead. Redirects are not followed,
    so that an input is never sent to an address that the caller did not name. Connections are kept
    for further requests while the transport lives, from any event loop of the process.
    """

    def __init__(self) -> None:
        self._client: HTTPClient | None = None

    def open_response(self, request: Request) -> AbstractAsyncContextManager[Response]:
        """Send the request; see `Transport.open_response`."""
        client = self._client
        if client is None:
            client = self._client = HTTPClient(connect_timeout_s=CONNECT_TIMEOUT_S)
        return _ResponseOpening(client, request)

    async def aclose(self) -> None:
        """Close the connections that are not in use, and each other one at the end of its exchange."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _ResponseOpening(AbstractAsyncContextManager[Response]):
    __slots__ = ("_client", "_exchange", "_request")

    def __init__(self, client: HTTPClient, request: Request) -> None:
        self._client = client
        self._request = request
        self._exchange: HTTPExchange | None = None

    async def __aenter__(self) -> Response:
        loop = asyncio.get_running_loop()
        request = self._request
        try:
            exchange = self._client.send(
                _mailbox_of(loop),
                loop,
                request.method,
                request.url,
                list(request.headers.items()),
                request.body,
            )
        except (OSError, ValueError) as exc:
            # No descriptor or thread is left, or it is no request.
            raise ConnectFailedError(str(exc)) from exc
        try:
            status, fields = await exchange.head()
        except BaseException as exc:
            exchange.close()
            if isinstance(exc, ConnectionError):
                raise ConnectFailedError(str(exc)) from exc
            raise
        self._exchange = exchange
        return HyperResponse(exchange, status, fields)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._exchange is not None:
            self._exchange.close()


class HyperResponse:
    """The response of a `HyperTransport`.

    Attributes:
        status: the HTTP status code.
        headers: the header fields; looking one up ignores case.
        exchange: what the extension reads without a detour.
    """

    def __init__(self, exchange: HTTPExchange, status: int, fields: list[tuple[str, str]]) -> None:
        self.status = status
        self.headers: Mapping[str, str] = HeaderFields(fields)
        self.exchange = exchange

    async def read(self) -> bytes:
        """See `Response.read`."""
        try:
            return await self.exchange.read()
        except ConnectionError as exc:
            raise BodyBrokenError(str(exc)) from exc


def _mailbox_of(loop: asyncio.AbstractEventLoop) -> HTTPMailbox:
    """The loop's mailbox, which the loop watches until it is closed."""
    kept = _mailboxes.get(loop)
    mailbox = None if kept is None else kept()
    if mailbox is None:
        mailbox = HTTPMailbox()
        loop.add_reader(mailbox.fileno(), mailbox.deliver)
        _mailboxes[loop] = ref(mailbox)
    return mailbox
