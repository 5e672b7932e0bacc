"""Readers that ask for a stream, take its first bytes, and then leave the rest where it is."""

import json
import socket
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from harness.errors import RunError

RECEIVE_BUFFER_BYTES: Final = 16 * 1024
"""Small, so that a relay has to wait soon."""

MAX_SEGMENT_BYTES: Final = 1_460
"""A network's. With the loopback's 64 KiB the kernel would take in megabytes of each stream first."""

READ_ON_BYTES: Final = 256 * 1024
"""More than lies between a relay and its reader, so that the relay has to go on."""

READ_BYTES: Final = 64 * 1024
TIMEOUT_S: Final = 60.0


class StalledReaders:
    """So many connections; leaving the ``with`` block closes them.

    Args:
        port: where the relay listens.
        path: where the stream is asked for.
        body: the request's body.
        streams: how many readers there are.
    """

    def __init__(self, port: int, path: str, body: dict[str, Any], streams: int) -> None:
        self._port = port
        self._streams = streams
        self._sockets: list[socket.socket] = []
        self._stack = ExitStack()
        data = json.dumps(body).encode()
        self._request = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n"
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        ).encode() + data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self) -> None:
        """Open all of them, and read the first bytes of each.

        Raises:
            RunError: one was refused, or did not begin to stream.
        """
        for _ in range(self._streams):
            reader = self._stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, MAX_SEGMENT_BYTES)
            reader.settimeout(TIMEOUT_S)
            try:
                reader.connect(("127.0.0.1", self._port))
                reader.sendall(self._request)
            except OSError as error:
                raise RunError(f"the relay takes no connection: {error}") from error
            self._sockets.append(reader)
        for reader in self._sockets:
            data = b""
            while b"data:" not in data:
                data += _receive(reader, 1024)
            if not data.startswith(b"HTTP/1.1 200 "):
                raise RunError(f"the relay answered {data.splitlines()[0].decode(errors='replace')}")

    def read_on(self) -> None:
        """Read more of each than any buffer holds.

        Raises:
            RunError: a stream has ended, or hangs.
        """
        for reader in self._sockets:
            left = READ_ON_BYTES
            while left > 0:
                left -= len(_receive(reader, READ_BYTES))


def _receive(reader: socket.socket, size: int) -> bytes:
    try:
        data = reader.recv(size)
    except OSError as error:
        raise RunError(f"a stalled stream broke: {error}") from error
    if not data:
        raise RunError("a stalled stream has ended")
    return data
