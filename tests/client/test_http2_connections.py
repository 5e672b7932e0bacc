"""How many HTTP/2 connections there are: as many as the streams need, and no request waits without a word."""

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from client_runner import run
from scripted_http2 import Http2Connection, http2_server
from scripted_server import KEPT_CHUNKED_HEAD, LAST_PIECE, Connection, piece, scripted_server

from streamactions import ActionError
from streamactions.client import HyperTransport, open_event_stream

STREAMS: Final = 250
FIRST, LAST = b"data: 1\n\n", b"data: 2\n\n"


class Peer:
    """Answers each stream with its first event, and with its last once all that are expected are open."""

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self._all_open = asyncio.Event()

    async def __call__(self, connection: Http2Connection, number: int) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._all_open.set()
        connection.send_head(number)
        connection.send_data(number, FIRST)
        await self._all_open.wait()
        connection.send_data(number, LAST, is_last=True)


async def read(url: str, transport: HyperTransport, method: str = "POST") -> list[Any]:
    body: dict[str, str] | None = {} if method == "POST" else None
    async with open_event_stream(method, url, json=body, client=transport) as stream:
        return [value async for value in stream.values()]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("max_streams", "connections_at_most"), [(200, 2), (10, 40), (None, 1)])
def test_streams_past_a_peers_limit_have_connections_of_their_own(
    context: ssl.SSLContext, max_streams: int | None, connections_at_most: int, method: str
) -> None:
    """All are open at once, from nothing."""

    async def main() -> None:
        transport = HyperTransport()
        async with http2_server(Peer(STREAMS), context, max_streams=max_streams) as (url, connections):
            reads = [read(url, transport, method) for _ in range(STREAMS)]
            assert await asyncio.gather(*reads) == [[1, 2]] * STREAMS
            assert sum(connection.streams for connection in connections) == STREAMS
            assert len(connections) <= connections_at_most
            await transport.aclose()

    run(main)


def test_a_peer_that_takes_one_stream_at_a_time(context: ssl.SSLContext) -> None:
    async def main() -> None:
        transport = HyperTransport()
        async with http2_server(Peer(20), context, max_streams=1) as (url, connections):
            assert await asyncio.gather(*(read(url, transport) for _ in range(20))) == [[1, 2]] * 20
            made = len(connections)
            # Those that have come free are used again.
            assert await asyncio.gather(*(read(url, transport) for _ in range(20))) == [[1, 2]] * 20
            assert len(connections) == made
            await transport.aclose()

    run(main)


def test_a_stream_that_is_over_makes_room_for_the_next(context: ssl.SSLContext) -> None:
    async def main() -> None:
        transport = HyperTransport()
        async with http2_server(Peer(1), context, max_streams=2) as (url, connections):
            for _ in range(10):
                assert await read(url, transport) == [1, 2]
                async with open_event_stream("GET", url, client=transport) as left:
                    await anext(left.values())
            assert len(connections) == 1
            await transport.aclose()

    run(main)


def test_a_peer_that_changes_its_limit_is_followed(context: ssl.SSLContext) -> None:
    async def main() -> None:
        transport = HyperTransport()
        peer = Peer(5)

        async def script(connection: Http2Connection, number: int) -> None:
            if number == 1:
                connection.allow(3)
            await peer(connection, number)

        async with http2_server(script, context, max_streams=1) as (url, connections):
            async with open_event_stream("GET", url, client=transport) as first:
                values = first.values()
                assert await anext(values) == 1
                reads = [read(url, transport) for _ in range(4)]
                assert await asyncio.gather(*reads) == [[1, 2]] * 4
                assert await anext(values) == 2
            assert connections[0].streams == 3
            await transport.aclose()

    run(main)


def test_a_peer_that_takes_no_stream_at_all_is_an_error(context: ssl.SSLContext) -> None:
    async def main() -> None:
        transport = HyperTransport(connect_timeout_s=0.5)
        async with http2_server(Peer(1), context, max_streams=0) as (url, _):
            reads = [read(url, transport) for _ in range(5)]
            for outcome in await asyncio.gather(*reads, return_exceptions=True):
                assert isinstance(outcome, ActionError)
                assert outcome.code == "CONNECTION_ERROR"
            await transport.aclose()

    run(main)


def test_a_peer_that_says_nothing_is_an_error(context: ssl.SSLContext) -> None:
    """It takes connections and TLS, and then not even its settings come."""

    async def main() -> None:
        transport = HyperTransport(connect_timeout_s=0.5)
        silent: list[asyncio.Task[None]] = []
        tried_again = asyncio.Event()

        async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(silent) > 1:
                tried_again.set()
            with suppress(ConnectionError, ssl.SSLError):
                while await reader.read(65_536):
                    pass
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

        server = await asyncio.start_server(
            lambda *ends: silent.append(asyncio.ensure_future(be_silent(*ends))), "127.0.0.1", 0, ssl=context
        )
        async with server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            reads = [asyncio.ensure_future(read(url, transport)) for _ in range(3)]
            waiting = set(reads)
            # One was sent, and its answer may take as long as the caller lets it; the others have waited.
            while len(waiting) > 1:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    outcome = task.exception()
                    assert isinstance(outcome, ActionError)
                    assert outcome.code == "CONNECTION_ERROR"
                    assert "within 0.5 seconds (connect_timeout_s)" in outcome.message
            # The server that says nothing is not the only one that is ever tried.
            reads.append(asyncio.ensure_future(read(url, transport)))
            await tried_again.wait()
            for task in reads:
                task.cancel()
            await asyncio.wait(reads)
            await transport.aclose()
            await asyncio.gather(*silent)

    run(main)


def test_a_waiting_request_that_is_given_up_leaves_its_place(context: ssl.SSLContext) -> None:
    async def main() -> None:
        transport = HyperTransport()
        async with http2_server(Peer(3), context, max_streams=1) as (url, _):
            async with open_event_stream("GET", url, client=transport) as first:
                values = first.values()
                assert await anext(values) == 1
                given_up = [asyncio.ensure_future(read(url, transport)) for _ in range(5)]
                await asyncio.sleep(0)
                for task in given_up:
                    task.cancel()
                await asyncio.wait(given_up)
                assert await asyncio.gather(*(read(url, transport) for _ in range(2))) == [[1, 2]] * 2
                assert await anext(values) == 2
            await transport.aclose()

    run(main)


def test_a_tls_server_without_http2_has_a_connection_for_each(context: ssl.SSLContext) -> None:
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    plain.load_cert_chain(Path(os.environ["SSL_CERT_FILE"]).with_name("server.pem"))
    connections = 0

    async def script(connection: Connection) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                await connection.receive()
                await connection.send(KEPT_CHUNKED_HEAD + piece(FIRST + LAST) + LAST_PIECE)

    async def main() -> None:
        transport = HyperTransport()
        async with scripted_server(script, plain) as url:
            assert await asyncio.gather(*(read(url, transport) for _ in range(30))) == [[1, 2]] * 30
            assert 1 <= connections <= 30
            made = connections
            for _ in range(5):
                assert await read(url, transport) == [1, 2]
            assert connections == made
            await transport.aclose()

    run(main)


def test_a_server_that_cannot_be_reached_fails_all_that_wait_for_it() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        transport = HyperTransport()
        for _ in range(2):
            reads = (read(f"https://127.0.0.1:{port}", transport) for _ in range(40))
            for outcome in await asyncio.gather(*reads, return_exceptions=True):
                assert isinstance(outcome, ActionError)
                assert outcome.code == "CONNECTION_ERROR"
                assert "refused" in outcome.message
        await transport.aclose()

    run(main)
