"""Peers that were cut off without a word, as by a NAT that forgot a flow; and peers that say so."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from client_runner import run
from h2.errors import ErrorCodes
from scripted_http2 import Http2Connection, http2_server
from scripted_server import CHUNKED_HEAD, LAST_PIECE, Connection, piece, scripted_server

from streamactions import ActionError
from streamactions.client import HyperTransport, hyper_transport, open_event_stream

FIRST, LAST = b"data: 1\n\n", b"data: 2\n\n"
HANG_S: Final = 20.0
"""Longer than any machine needs."""


class Relay:
    """What is between a client and its server, and may fall silent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._flows: list[asyncio.Event] = []
        self.url = ""

    @property
    def flows(self) -> int:
        return len(self._flows)

    def cut(self) -> None:
        """Nothing that is sent from now on arrives, on the flows that there are."""
        for is_cut in self._flows:
            is_cut.set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        tasks: set[asyncio.Task[None]] = set()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            is_cut = asyncio.Event()
            self._flows.append(is_cut)
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                with suppress(ConnectionError):
                    while data := await source.read(65_536):
                        if not is_cut.is_set():
                            target.write(data)
                target.close()

            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

        server = await asyncio.start_server(
            lambda *ends: tasks.add(asyncio.ensure_future(relay(*ends))), "127.0.0.1", 0
        )
        async with server:
            self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield
        await asyncio.gather(*tasks)


async def answer(connection: Http2Connection, number: int) -> None:
    connection.send_head(number)
    connection.send_data(number, FIRST + LAST, is_last=True)


async def begin(connection: Http2Connection, number: int) -> None:
    connection.send_head(number)
    connection.send_data(number, FIRST)


async def read(url: str, transport: HyperTransport, **options: Any) -> list[Any]:
    async with open_event_stream("POST", url, json={"a": 1}, client=transport, **options) as stream:
        return [value async for value in stream.values()]


async def fails(url: str, transport: HyperTransport, **options: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await read(url, transport, **options)
    return caught.value


def test_a_connection_that_was_silent_throughout_a_call_gets_no_other(context: ssl.SSLContext) -> None:
    async def main() -> None:
        async with http2_server(answer, context) as (url, _):
            relay = Relay(int(url.rpartition(":")[2]))
            async with relay.serve(), HyperTransport() as transport:
                assert await read(relay.url, transport) == [1, 2]
                relay.cut()
                assert (await fails(relay.url, transport, timeout=0.2)).code == "TIMEOUT_ERROR"
                assert await read(relay.url, transport, timeout=HANG_S) == [1, 2]
                assert await read(relay.url, transport, timeout=HANG_S) == [1, 2]
                assert relay.flows == 2

    run(main)


def test_a_connection_that_answers_others_is_kept(context: ssl.SSLContext) -> None:
    """One call that takes too long says nothing of the peer, as long as anything comes."""

    async def main() -> None:
        release, has_begun = asyncio.Event(), asyncio.Event()

        async def script(connection: Http2Connection, number: int) -> None:
            if connection.streams == 1:
                has_begun.set()
                await release.wait()
            else:
                await answer(connection, number)

        async with http2_server(script, context) as (url, connections), HyperTransport() as transport:
            slow = asyncio.ensure_future(read(url, transport))
            await has_begun.wait()
            assert await read(url, transport) == [1, 2]
            slow.cancel()
            await asyncio.wait([slow])
            assert await read(url, transport) == [1, 2]
            assert len(connections) == 1
            release.set()

    run(main)


def test_open_streams_of_a_silent_peer_fail(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pings are not answered; neither call has a limit of its own."""
    monkeypatch.setattr(hyper_transport, "PEER_PING_INTERVAL_S", 0.1)
    monkeypatch.setattr(hyper_transport, "PEER_PING_TIMEOUT_S", 0.1)

    async def main() -> None:
        async with http2_server(begin, context) as (url, _):
            relay = Relay(int(url.rpartition(":")[2]))
            async with (
                relay.serve(),
                HyperTransport() as transport,
                open_event_stream("GET", relay.url, client=transport) as stream,
            ):
                values = stream.values()
                assert await anext(values) == 1
                relay.cut()
                waiting = asyncio.ensure_future(fails(relay.url, transport))
                with pytest.raises(ActionError) as caught:
                    await anext(values)
                assert caught.value.code == "STREAM_INCOMPLETE"
                error = await waiting
                assert error.code == "CONNECTION_ERROR"
                assert "keep-alive" in error.message

    run(main)


def test_a_slow_peer_that_answers_pings_is_kept(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hyper_transport, "PEER_PING_INTERVAL_S", 0.05)
    monkeypatch.setattr(hyper_transport, "PEER_PING_TIMEOUT_S", HANG_S)

    async def main() -> None:
        async def script(connection: Http2Connection, number: int) -> None:
            await begin(connection, number)
            await connection.wait_pings(3)
            connection.send_data(number, LAST, is_last=True)

        async with http2_server(script, context) as (url, _), HyperTransport() as transport:
            assert await read(url, transport) == [1, 2]

    run(main)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list descriptors")
def test_the_system_watches_over_connections_too() -> None:
    async def main() -> None:
        options: list[tuple[int, int]] = []

        async def script(connection: Connection) -> None:
            await connection.receive()
            port = int(url.rpartition(":")[2])
            for number in os.listdir("/proc/self/fd"):
                with suppress(OSError), socket.socket(fileno=os.dup(int(number))) as end:
                    if end.getpeername() == ("127.0.0.1", port):
                        options.append(
                            (
                                end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                                end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
                            )
                        )
            await connection.send(CHUNKED_HEAD + piece(FIRST + LAST) + LAST_PIECE)

        async with scripted_server(script) as url, HyperTransport() as transport:
            assert await read(url, transport) == [1, 2]
        assert options == [(1, 60_000)]

    run(main)


def test_a_refused_stream_is_sent_again_once(context: ssl.SSLContext) -> None:
    async def main() -> None:
        refusals = 1

        async def script(connection: Http2Connection, number: int) -> None:
            nonlocal refusals
            if refusals:
                refusals -= 1
                connection.reset(number, ErrorCodes.REFUSED_STREAM)
            else:
                await answer(connection, number)

        async with http2_server(script, context) as (url, connections), HyperTransport() as transport:
            assert await read(url, transport) == [1, 2]
            assert [connection.streams for connection in connections] == [2]
            assert set(connections[0].bodies.values()) == {b'{"a":1}'}
            refusals = 100
            error = await fails(url, transport)
            assert error.code == "CONNECTION_ERROR"
            assert "refused" in error.message
            assert connections[0].streams == 4

    run(main)


def test_a_stream_that_was_begun_with_is_not_sent_again(context: ssl.SSLContext) -> None:
    async def main() -> None:
        async def script(connection: Http2Connection, number: int) -> None:
            connection.reset(number, ErrorCodes.INTERNAL_ERROR)

        async with http2_server(script, context) as (url, connections), HyperTransport() as transport:
            assert (await fails(url, transport)).code == "CONNECTION_ERROR"
            assert connections[0].streams == 1

        async def leave(connection: Http2Connection, number: int) -> None:
            connection.go_away(number)
            connection.close()

        async with http2_server(leave, context) as (url, connections), HyperTransport() as transport:
            assert (await fails(url, transport)).code == "CONNECTION_ERROR"
            assert [connection.streams for connection in connections] == [1]

    run(main)


def test_a_peer_that_leaves_before_a_request_has_it_sent_elsewhere(context: ssl.SSLContext) -> None:
    async def main() -> None:
        peers: list[Http2Connection] = []

        async def script(connection: Http2Connection, number: int) -> None:
            if connection not in peers:
                peers.append(connection)
            if connection is peers[0]:
                connection.go_away(0)
            else:
                await answer(connection, number)

        async with http2_server(script, context) as (url, connections), HyperTransport() as transport:
            assert await read(url, transport) == [1, 2]
            assert [connection.streams for connection in connections] == [1, 1]

    run(main)


def test_a_peer_that_leaves_ends_what_it_has_begun_and_gets_nothing_else(context: ssl.SSLContext) -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def script(connection: Http2Connection, number: int) -> None:
            if connection is not connections[0]:
                return await answer(connection, number)
            connection.go_away(number)
            await begin(connection, number)
            await release.wait()
            connection.send_data(number, LAST, is_last=True)
            return None

        async with (
            http2_server(script, context) as (url, connections),
            HyperTransport() as transport,
            open_event_stream("GET", url, client=transport) as first,
        ):
            values = first.values()
            assert await anext(values) == 1
            assert await read(url, transport) == [1, 2]
            assert [connection.streams for connection in connections] == [1, 1]
            release.set()
            assert await anext(values) == 2

    run(main)
