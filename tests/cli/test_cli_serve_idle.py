"""Connections that ask for nothing are closed; those that carry a call never are."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cli.commands import BOUND_S, Served, serve
from cli.hostile import HttpTwoPeer
from server.http1 import ResponseReader, request_bytes
from streamactions.serve.idle import IdleWatch

APP: Final = """
import asyncio

from streamactions import StreamActions, define_middleware, define_stream_action

go = asyncio.Event()


@define_middleware
async def wait(next):
    await go.wait()
    return await next()


@define_stream_action(keep_alive_s=1000)
async def silent(stream):
    await stream.send("first")
    await go.wait()


@define_stream_action(middleware=[wait])
async def guarded(stream):
    pass


@define_stream_action
async def say_go(stream):
    go.set()


@define_stream_action
async def large(stream):
    await stream.send("x" * 1_000_000)


app = StreamActions([silent, guarded, say_go, large])
"""

PREFIX: Final = "/api/_actions/"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that closes what has been idle for a second."""
    file = tmp_path_factory.mktemp("idle") / "app.py"
    file.write_text(APP)
    with serve(file, "--idle-timeout", "1") as served:
        yield served


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), BOUND_S)


def wait_until_closed(connection: socket.socket) -> None:
    """Read until the server has closed it."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass


def call(connection: socket.socket, action: str) -> bytes:
    """One whole call."""
    connection.sendall(request_bytes(PREFIX + action, headers={"accept": "text/event-stream"}))
    response, body = ResponseReader(), b""
    while not response.is_complete:
        data = connection.recv(65536)
        assert data, f"the server closed the connection after {body!r}"
        body += response.feed(data)
    return body


@pytest.mark.parametrize("sent", [b"", b"P", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"])
def test_who_says_nothing_whole_is_closed(served: Served, sent: bytes) -> None:
    with connect(served) as connection:
        connection.sendall(sent)
        wait_until_closed(connection)


def test_who_has_called_and_rests_is_closed(served: Served) -> None:
    with connect(served) as connection:
        assert b"x" * 1000 in call(connection, "large")
        wait_until_closed(connection)


def test_http2_without_a_call_is_closed(served: Served) -> None:
    peer = HttpTwoPeer(int(served.url.rpartition(":")[2]))
    wait_until_closed(peer.socket)
    peer.close()


def test_pings_are_no_call(served: Served) -> None:
    peer = HttpTwoPeer(int(served.url.rpartition(":")[2]))
    while peer.is_alive():
        time.sleep(0.02)
    peer.close()


def test_a_call_is_not_idle_however_silent_it_is(served: Served) -> None:
    with connect(served) as stream, connect(served) as guarded, connect(served) as busy:
        for connection, action in ((stream, "silent"), (guarded, "guarded")):
            connection.sendall(request_bytes(PREFIX + action, headers={"accept": "text/event-stream"}))
        received = b""
        while b"first" not in received:
            received += stream.recv(65536)
        # Others that came later are closed meanwhile, three times over.
        for _ in range(3):
            with connect(served) as idle:
                idle.settimeout(0.2)
                for _ in range(int(BOUND_S / 0.2)):
                    call(busy, "large")
                    try:
                        if not idle.recv(1):
                            break
                    except TimeoutError:
                        continue
                else:
                    raise TimeoutError("the server does not close the connection")
        call(busy, "say-go")
        for connection in (stream, guarded):
            while b"event: done" not in received:
                data = connection.recv(65536)
                assert data, received
                received += data
            received = b""


MAX_FILES: Final = 200


def test_idle_connections_cannot_take_the_last_descriptor(tmp_path: Path) -> None:
    """More of them than a worker may have files: those that are not accepted wait until others are closed."""
    (tmp_path / "app.py").write_text(APP)
    with serve(tmp_path / "app.py", "--idle-timeout", "1", files=MAX_FILES) as served:
        idle = [connect(served) for _ in range(2 * MAX_FILES)]
        with connect(served) as connection:
            assert b"event: done" in call(connection, "large")
        for connection in idle:
            connection.close()
        assert served.log.lines_with("Too many open files") == []
        assert served.log.lines_with("cannot look") == []


class Clock:
    """The two ends of connections to this process, which a test looks through."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.watch = IdleWatch(None, self.listener.getsockname()[1], 10)

    def connect(self) -> tuple[socket.socket, socket.socket]:
        client = socket.create_connection(self.listener.getsockname())
        return client, self.listener.accept()[0]


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with clock.listener:
        yield clock


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    return True


def test_the_time_counts_from_when_it_was_first_seen_idle(clock: Clock) -> None:
    client, accepted = clock.connect()
    with client, accepted:
        for now_s in (100, 105, 109.9):
            clock.watch.look(now_s)
            assert not is_closed(client)
        clock.watch.look(110)
        assert is_closed(client)


def test_an_answer_that_is_still_being_read_is_not_idle(clock: Clock) -> None:
    client, accepted = clock.connect()
    with client, accepted:
        for now_s in (0, 6, 12, 18, 24):
            clock.watch.look(now_s)
            accepted.sendall(b"x" * 5000)
            assert not is_closed(client)
        # A ping's answer is less.
        for now_s in (30, 36, 42, 48):
            clock.watch.look(now_s)
            with contextlib.suppress(OSError):
                accepted.sendall(b"x" * 17)
        assert is_closed(client)


def test_who_takes_without_end_is_closed_too(clock: Clock) -> None:
    client, accepted = clock.connect()
    with client, accepted:
        for now_s in range(0, 100, 5):
            clock.watch.look(now_s)
            assert not is_closed(client)
            accepted.sendall(b"x" * 5000)
        for now_s in (100, 110, 120):
            clock.watch.look(now_s)
        assert is_closed(client)


def test_what_belongs_to_others_is_left_alone(clock: Clock, tmp_path: Path) -> None:
    with (
        (tmp_path / "file").open("w"),
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_connection(other.getsockname()) as outgoing,
        other.accept()[0],
    ):
        for now_s in (0, 10, 20):
            clock.watch.look(now_s)
        assert not is_closed(outgoing)
        assert clock.watch._idle == {}


def test_a_call_keeps_its_connection(clock: Clock) -> None:
    client, accepted = clock.connect()
    # Granian's scope has the port as a text.
    scope = {"type": "http", "client": ("127.0.0.1", str(client.getsockname()[1]))}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.watch.look(1000)
        clock.watch.look(2000)
        assert not is_closed(client)
        raise LookupError

    def call() -> None:
        call: Any = clock.watch(scope, None, None)  # type: ignore[arg-type]
        with pytest.raises(LookupError):
            asyncio.run(call)

    clock.watch._app = app
    with client, accepted:
        for now_s in (3000, 4000):
            call()
            clock.watch.look(now_s)
            assert not is_closed(client)
        assert clock.watch._calls == {}
        clock.watch.look(5000)
        clock.watch.look(5010)
        assert is_closed(client)
