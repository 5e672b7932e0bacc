"""Connections without a call at a stop: closed soon, but for those that still have something to be sent."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from streamactions.serve.idle import STOP_IDLE_TIMEOUT_S, IdleWatch

BOUND_S: Final = 30.0


@contextmanager
def connection() -> Iterator[tuple[IdleWatch, socket.socket, socket.socket]]:
    """The watch of a server, its end of a connection, and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.settimeout(BOUND_S)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            yield IdleWatch(None, listener.getsockname()[1], 600.0), accepted, client


class BusyLoop:
    """An event loop that turns when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def turn(self) -> None:
        for callback in self.waiting:
            callback()
        self.waiting.clear()


def test_nothing_is_looked_for_while_the_event_loop_is_busy() -> None:
    """A request that came meanwhile is counted when the loop turns."""
    watch, loop = IdleWatch(None, 1, 600.0), BusyLoop()
    assert watch._loop_turns()
    watch._event_loop = loop  # type: ignore[assignment]
    assert not watch._loop_turns()
    assert not watch._loop_turns()
    assert len(loop.waiting) == 1
    loop.turn()
    assert watch._loop_turns()
    assert not watch._loop_turns()


def is_closed(client: socket.socket) -> bool:
    readable, _, _ = select.select([client], [], [], 0)
    return bool(readable) and client.recv(1, socket.MSG_PEEK) == b""


def test_one_that_is_silent_is_closed() -> None:
    with connection() as (watch, _, client):
        watch.look(0.0)
        watch.look(2 * STOP_IDLE_TIMEOUT_S)
        assert not is_closed(client)
        watch.stop()
        watch.look(3 * STOP_IDLE_TIMEOUT_S)
        assert is_closed(client)


def test_one_that_is_read_slowly_is_closed_when_all_is_read() -> None:
    with connection() as (watch, accepted, client):
        accepted.setblocking(False)
        sent_bytes = 0
        while select.select([], [accepted], [], 0.1)[1]:
            sent_bytes += accepted.send(b"x" * 65_536)
        watch.stop()
        for now_s in range(20):
            watch.look(now_s * STOP_IDLE_TIMEOUT_S)
        left_bytes = sent_bytes
        while left_bytes:
            data = client.recv(65_536)
            assert data, f"it was closed with {left_bytes} bytes to come"
            left_bytes -= len(data)
        now_s = 20
        while not is_closed(client):
            watch.look(now_s * STOP_IDLE_TIMEOUT_S)
            now_s += 1
