"""The transport that is built in: hyper, on one thread for all streams of the process.

Strategy: the thread reads sockets, TLS and HTTP without the interpreter's lock, and wakes an event
loop once for all streams that have news. The loop never waits for it: whoever asks for what has not
come yet is run when it has. A stream whose bytes are not taken is not read further, so a slow caller
holds a bounded number of bytes (16 KiB, and a read or two).
"""

import asyncio
import os
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, ref

from streamactions._core import HTTPClient, HTTPExchange, HTTPMailbox
from streamactions.client.call import require_positive
from streamactions.client.header_fields import HeaderFields
from streamactions.client.transport import BodyBrokenError, ConnectFailedError, Request, Response
from streamactions.errors import DefinitionError

__all__ = ["HyperResponse", "HyperTransport"]

StrPath: TypeAlias = str | os.PathLike[str]

CONNECT_TIMEOUT_S: Final = 10.0
"""How long a connection may take, its name and TLS included, and how long a request may wait for one.

A far server answers within one or two seconds, and within three or four where a packet was lost.
"""

POOL_SIZE: Final = 128
"""How many unused connections are kept to one server."""

POOL_IDLE_S: Final = 45.0
"""How long an unused connection is kept; many load balancers close it after 60 seconds."""

PEER_PING_INTERVAL_S: Final = 20.0
"""How long an HTTP/2 connection with open streams may be silent before its peer is pinged (RFC 9113,
section 6.7)."""

PEER_PING_TIMEOUT_S: Final = 10.0
"""How long the peer may take to answer; the connection is closed then, and its streams fail."""

_mailboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, ref[HTTPMailbox]] = WeakKeyDictionary()
"""The mailbox of each loop, which alone holds it: it goes with the loop, whatever was pending there."""


class HyperTransport:
    """Requests by HTTP/1.1, or by HTTP/2 where a TLS server offers it.

    Without options TLS trusts the system's roots (``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count), and
    proxies are those of ``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy``, in lower or upper
    case; they must be ``http://`` ones: where they are SOCKS or TLS proxies, pass an ``httpx.AsyncClient``
    instead. Redirects are not followed, so that an input is never sent to an address that the caller did
    not name. Connections are kept for further requests while the transport lives, from any event loop of
    the process; ``async with`` closes them at its end. A peer that was cut off is found out: by pings where
    HTTP/2 streams are open, by the system otherwise, and a connection from which nothing came while a
    call waited gets no other call.

    Args:
        connect_timeout_s: how long a connection may take, its name and TLS included, in seconds. It is
            shared among a server's addresses, which are tried one beside the other (RFC 8305).
        pool_size: how many unused connections are kept to one server.
        pool_idle_s: how long an unused connection is kept, in seconds.
        http1_only: never HTTP/2.
        proxy: the ``http://`` proxy for every URL, whatever the environment says.
        socket_path: a Unix socket that every request goes to, whatever its URL's host.
        verify: ``False`` takes any certificate, so that anybody on the way can read along.
        ca_file: a file of PEM certificates that are trusted instead of the system's.
        client_cert: a PEM file with the client's certificates and its key, or two files of these.

    Raises:
        DefinitionError: an option is wrong, or two do not go together; the message says what to write.
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        pool_size: int = POOL_SIZE,
        pool_idle_s: float = POOL_IDLE_S,
        http1_only: bool = False,
        proxy: str | None = None,
        socket_path: StrPath | None = None,
        verify: bool = True,
        ca_file: StrPath | None = None,
        client_cert: StrPath | tuple[StrPath, StrPath] | None = None,
    ) -> None:
        require_positive(connect_timeout_s=connect_timeout_s, pool_idle_s=pool_idle_s)
        if not isinstance(pool_size, int) or pool_size < 0:
            raise DefinitionError(f"pool_size must be a whole number from 0 on, not {pool_size!r}")
        if not isinstance(verify, bool):
            raise DefinitionError(
                f"verify must be True or False, not {verify!r}: a file of roots is ca_file="
            )
        if not verify and ca_file is not None:
            raise DefinitionError("verify=False takes any certificate: leave it or ca_file out")
        if proxy is not None and socket_path is not None:
            raise DefinitionError("a Unix socket needs no proxy: leave proxy or socket_path out")
        if proxy is not None:
            _check_proxy(proxy)
        if client_cert is None:
            identity = None
        else:
            chain, key = client_cert if isinstance(client_cert, tuple) else (client_cert, client_cert)
            identity = (_check_file("client_cert", chain), _check_file("client_cert", key))
        self._make_client = partial(
            HTTPClient,
            connect_timeout_s=connect_timeout_s,
            pool_size=pool_size,
            pool_idle_s=pool_idle_s,
            ping_interval_s=PEER_PING_INTERVAL_S,
            ping_timeout_s=PEER_PING_TIMEOUT_S,
            http1_only=http1_only,
            proxy=proxy,
            socket_path=None if socket_path is None else os.fspath(socket_path),
            verify=verify,
            ca_file=None if ca_file is None else _check_file("ca_file", ca_file),
            identity=identity,
        )
        try:
            self._client: HTTPClient | None = self._make_client()
        except (ValueError, OverflowError) as exc:
            raise DefinitionError(f"a number is too large: {exc}") from exc

    async def __aenter__(self) -> Self:
        """Give the transport itself."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close its connections, as `aclose` does."""
        await self.aclose()

    def open_response(self, request: Request) -> AbstractAsyncContextManager[Response]:
        """Send the request; see `Transport.open_response`."""
        client = self._client
        if client is None:
            client = self._client = self._make_client()
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


def _check_proxy(proxy: str) -> None:
    # Never quoted: it may hold a password.
    try:
        parts = urlsplit(proxy)
        is_good = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or re.search(r"[^!-~]", proxy):
        raise DefinitionError('proxy must be like "http://user:password@proxy:3128"')


def _check_file(name: str, path: StrPath) -> str:
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise DefinitionError(f"{name} must be a PEM file, and {path!r} is none")
    return path
