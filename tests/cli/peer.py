"""A server of which a test says every byte, and when: for the command in another process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cli.commands import BOUND_S

__all__ = ["DONE", "HEAD", "Peer", "chunk", "open_peer"]

HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
DONE: Final = b"event: done\ndata: {}\n\n"


def chunk(json: str) -> bytes:
    """A frame with that JSON."""
    return b"data: " + json.encode() + b"\n\n"


class Peer:
    """Waits for one connection and answers it."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._connection: socket.socket | None = None
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/_actions/test"

    def receive(self) -> tuple[bytes, bytes]:
        """The head and the body of the request."""
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(BOUND_S)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._read()
        head, _, body = received.partition(b"\r\n\r\n")
        fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        expected_bytes = sum(int(value) for name, _, value in fields if name == b"content-length")
        while len(body) < expected_bytes:
            body += self._read()
        return head, body

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._connection is not None
        self._connection.sendall(data)

    def wait_left(self) -> None:
        """Wait until the client has closed its end."""
        assert self._connection is not None
        assert self._connection.recv(1) == b""

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()

    def _read(self) -> bytes:
        assert self._connection is not None
        data = self._connection.recv(65536)
        assert data, "the client left before its request was complete"
        return data


@contextmanager
def open_peer() -> Iterator[Peer]:
    """A peer that listens on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(BOUND_S)
        peer = Peer(listener)
        try:
            yield peer
        finally:
            peer.close()
