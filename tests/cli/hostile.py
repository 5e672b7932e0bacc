"""Peers that mean no good: HTTP/2 frames as bytes, as no library would send them (RFC 9113)."""

import socket
import struct
from pathlib import Path
from typing import Final

from hpack import Encoder

from cli.commands import BOUND_S

__all__ = ["HttpTwoPeer", "max_memory_kb", "worker_of"]

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_INITIAL_WINDOW_SIZE: Final = 4
_MAX_WINDOW_BYTES: Final = 2**31 - 1
_FIRST_WINDOW_BYTES: Final = 65_535
_HEAD_BYTES: Final = 9


class HttpTwoPeer:
    """One connection that says whatever a test wants."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), BOUND_S)
        self.encoder = Encoder()
        self._received = b""
        self._next_stream = 1
        self.socket.sendall(_PREFACE)
        self.send(_SETTINGS, 0, 0, b"")

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Send one frame."""
        head = struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream)
        self.socket.sendall(head + payload)

    def open_windows(self) -> None:
        """Promise to take as much as anybody may send, on the connection and on each stream."""
        self.send(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, _MAX_WINDOW_BYTES))
        self.send(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _MAX_WINDOW_BYTES - _FIRST_WINDOW_BYTES))

    def call(self, path: str, more_fields: bytes = b"", *, ends: bool = True, **fields: str) -> int:
        """Send the head of a request, and bytes that the encoder did not make; returns its stream."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        pseudo = {":method": "POST", ":scheme": "http", ":authority": "localhost", ":path": path}
        head = self.encoder.encode([*pseudo.items(), *fields.items()]) + more_fields
        self.send(_HEADERS, _END_HEADERS | (_END_STREAM if ends else 0), stream, head)
        return stream

    def is_alive(self) -> bool:
        """Wait until all that was sent was looked at: the answer to a ping, or the connection's end."""
        try:
            self.send(_PING, 0, 0, b"are you?")
            while True:
                kind, flags, payload = self.read_frame()
                if kind == _PING and flags & _ACK and payload == b"are you?":
                    return True
        except ConnectionError:
            return False

    def read_frame(self) -> tuple[int, int, bytes]:
        """The next frame: kind, flags, payload.

        Raises:
            ConnectionError: the connection has ended.
        """
        while len(self._received) < _HEAD_BYTES or len(self._received) < self._frame_bytes():
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._received += data
        frame, self._received = self._received[: self._frame_bytes()], self._received[self._frame_bytes() :]
        return frame[3], frame[4], frame[_HEAD_BYTES:]

    def _frame_bytes(self) -> int:
        return _HEAD_BYTES + int.from_bytes(self._received[:3])

    def close(self) -> None:
        """Leave."""
        self.socket.close()


def worker_of(process_id: int) -> int:
    """The process that serves, of a server with one worker."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    # With Granian's workers comes the resource tracker of multiprocessing, where they are spawned.
    [worker] = [
        int(child)
        for child in children.split()
        if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return worker


def max_memory_kb(process_id: int) -> int:
    """The most memory that a process had at once (``VmHWM``, proc(5))."""
    [line] = [
        line
        for line in Path(f"/proc/{process_id}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    return int(line.split()[1])
