"""Closing connections that carry no call: Granian has no setting for them.

hyper's ``header_read_timeout`` begins when it knows that a connection speaks HTTP/1. Until then, and on
HTTP/2 for ever, a connection that asks for nothing stays open, and ``--backpressure`` counts it. So each
worker looks through its own connections now and then. Only the calls say whether one is used: a peer that
sends pings, or a head that never ends, asks for nothing either.
"""

import asyncio
import fcntl
import logging
import os
import socket
import stat
import struct
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from streamactions.app.asgi import Receive, Scope, Send

__all__ = ["DEFAULT_IDLE_TIMEOUT_S", "IdleWatch"]

logger = logging.getLogger("streamactions")

DEFAULT_IDLE_TIMEOUT_S: Final = 30
"""As long as hyper gives an HTTP/1 connection for its next request (``limits.HEADER_TIMEOUT_S``)."""

STOP_IDLE_TIMEOUT_S: Final = 1.0
"""The same at a stop, for a connection on which nothing is left to be sent. Granian would wait for half a
head to become whole, and for a silent HTTP/2 client to go."""

_LOOKS_PER_TIMEOUT: Final = 4

_CONNECTIONS_PER_TURN: Final = 100
"""Looked at before the streams of the worker have the interpreter again, which is some 0.5 ms."""

_DESCRIPTORS: Final = Path("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd")

_TCP_INFO_BYTES: Final = 128
_BYTES_ACKED: Final = struct.Struct("@120xQ")
"""``tcpi_bytes_acked`` of ``struct tcp_info`` (linux/tcp.h), where the system tells it."""

_MIN_PROGRESS_BYTES: Final = 1024
"""What the peer of an answer that is still being sent takes between two looks."""

_MAX_DRAIN_TIMEOUTS: Final = 10
"""How often the timeout may pass while a peer takes an answer whose call is over; who sends pings without
end takes their answers as well."""


class IdleWatch:
    """An ASGI app that closes connections of its server which have carried no call for some time.

    A call is known by the port of its client. Two clients may have the same; then an idle connection of
    one stays as long as the call of the other. A call is never cut.

    Args:
        app: the app that is served.
        port: where the server listens.
        idle_timeout_s: how long a connection may carry no call; it is closed up to a quarter later.
    """

    def __init__(self, app: Any, port: int, idle_timeout_s: float) -> None:
        self._app = app
        self._port = port
        self._idle_timeout_s = idle_timeout_s
        # By the client's port: how many calls there are, and whether there was one since the last look.
        self._calls: dict[int, int] = {}
        self._had_call: set[int] = set()
        # By the client's address: since when it has no call, since when it takes nothing, and how much it
        # had taken by then.
        self._idle: dict[Any, tuple[float, float, int]] = {}
        self._is_stopping = threading.Event()
        self._event_loop: asyncio.AbstractEventLoop | None = None
        # Set by the event loop when it turns. A request may wait for it that nobody has counted yet.
        self._has_turned = threading.Event()
        self._is_asked = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and remember that its connection is used."""
        if self._event_loop is None:
            self._event_loop = asyncio.get_running_loop()
        client = scope.get("client")
        if client is None:
            await self._app(scope, receive, send)
            return
        # ASGI has a number there; Granian's is a text.
        port = int(client[1])
        self._calls[port] = self._calls.get(port, 0) + 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._had_call.add(port)
            left = self._calls[port] - 1
            if left:
                self._calls[port] = left
            else:
                del self._calls[port]

    def start(self) -> None:
        """Look from now on, from a thread of its own, which also sees what a busy event loop leaves lying."""
        threading.Thread(target=self._run, name="idle connections", daemon=True).start()

    def stop(self) -> None:
        """The server stops: from now on a connection may carry no call for ``STOP_IDLE_TIMEOUT_S`` only."""
        self._idle_timeout_s = min(self._idle_timeout_s, STOP_IDLE_TIMEOUT_S)
        self._is_stopping.set()

    def _run(self) -> None:
        is_stopping = False
        while True:
            if is_stopping:
                time.sleep(self._idle_timeout_s / _LOOKS_PER_TIMEOUT)
            else:
                is_stopping = self._is_stopping.wait(self._idle_timeout_s / _LOOKS_PER_TIMEOUT)
            if not self._loop_turns():
                continue
            try:
                self.look(time.monotonic())
            except OSError as error:
                # Handlers have taken all descriptors; they give some back.
                logger.warning("cannot look for idle connections: %s", error)

    def _loop_turns(self) -> bool:
        """Whether the event loop has turned since the last time that this was asked."""
        if self._event_loop is None:
            return True
        has_turned = self._has_turned.is_set()
        if has_turned or not self._is_asked:
            self._has_turned.clear()
            self._is_asked = True
            with suppress(RuntimeError):
                # It is closed where the process ends.
                self._event_loop.call_soon_threadsafe(self._has_turned.set)
        return has_turned

    def look(self, now_s: float) -> None:
        """Close what has been idle for too long.

        Args:
            now_s: the time, on a monotonic clock.
        """
        had_call, self._had_call = self._had_call, set()
        idle: dict[Any, tuple[float, float, int]] = {}
        for connection, peer in self._connections():
            if peer[1] in self._calls or peer[1] in had_call:
                continue
            taken_bytes = _taken_bytes(connection)
            no_call_s, since_s, before_bytes = self._idle.get(peer, (now_s, now_s, taken_bytes))
            if self._is_stopping.is_set() and _is_sending(connection):
                # Whoever reads slowly has as long as the stop may take.
                since_s = now_s
            may_drain = now_s - no_call_s < _MAX_DRAIN_TIMEOUTS * self._idle_timeout_s
            if may_drain and taken_bytes - before_bytes >= _MIN_PROGRESS_BYTES:
                since_s, before_bytes = now_s, taken_bytes
            if now_s - since_s < self._idle_timeout_s:
                idle[peer] = no_call_s, since_s, before_bytes
                continue
            with suppress(OSError):
                # Whoever holds the descriptor reads an end, and closes it.
                connection.shutdown(socket.SHUT_RDWR)
        self._idle = idle

    def _connections(self) -> Iterator[tuple[socket.socket, Any]]:
        """The connections that this process has accepted on the port, and who is at their other ends."""
        for number, name in enumerate(os.listdir(_DESCRIPTORS), 1):
            if number % _CONNECTIONS_PER_TURN == 0:
                time.sleep(0)
            connection = _duplicate(int(name))
            if connection is None:
                continue
            with connection:
                try:
                    if connection.getsockname()[1] == self._port:
                        yield connection, connection.getpeername()
                except OSError:
                    # It listens, or its peer is gone.
                    continue


def _duplicate(descriptor: int) -> socket.socket | None:
    """A TCP socket by a descriptor of its own, so that it stays the same whatever others close."""
    copy = -1
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            copy = os.dup(descriptor)
            connection = socket.socket(fileno=copy)
            copy = -1
            if connection.family in (socket.AF_INET, socket.AF_INET6):
                return connection
            connection.close()
    except OSError:
        # It was closed in the meantime.
        pass
    finally:
        if copy >= 0:
            os.close(copy)
    return None


def _is_sending(connection: socket.socket) -> bool:
    """Whether there is something that the peer has not taken; yes where the system does not tell (tcp(7))."""
    left = struct.pack("@i", 1)
    with suppress(OSError):
        left = fcntl.ioctl(connection, termios.TIOCOUTQ, left)
    return struct.unpack("@i", left) != (0,)


def _taken_bytes(connection: socket.socket) -> int:
    """How much the peer has taken; 0 where the system does not tell."""
    if not hasattr(socket, "TCP_INFO"):
        return 0
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    if len(information) < _TCP_INFO_BYTES:
        return 0
    taken_bytes: int = _BYTES_ACKED.unpack_from(information)[0]
    return taken_bytes
