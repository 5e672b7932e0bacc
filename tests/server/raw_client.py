"""A blocking HTTP/1.1 client on a raw socket, which can stop reading, half-send and vanish."""

import json
import socket
import struct
import time
from types import TracebackType
from typing import Any, Final, Self

from server.http1 import ResponseReader, request_bytes

__all__ = ["BOUND_S", "EVENT_STREAM", "RawClient"]

BOUND_S: Final = 20.0
"""Where a wait turns into a failure; no test depends on its size."""

EVENT_STREAM: Final = "text/event-stream"

_READ_BYTES: Final = 65536


class RawClient:
    """One connection, and the response that is read from it."""

    def __init__(self, port: int, *, receive_buffer_bytes: int | None = None) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.settimeout(BOUND_S)
        if receive_buffer_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self._socket.connect(("127.0.0.1", port))
        self.response = ResponseReader()
        self._body = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def request(
        self,
        path: str,
        value: Any = None,
        *,
        body: bytes | None = None,
        accept: str | None = EVENT_STREAM,
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send a request whose body is ``value`` as JSON, or ``body`` as it is."""
        self.response, self._body = ResponseReader(), b""
        if body is None:
            body = json.dumps({} if value is None else value).encode()
        fields = ({} if accept is None else {"accept": accept}) | (headers or {})
        self.send(request_bytes(path, body, method=method, headers=fields))

    def _receive(self, bound_s: float) -> None:
        # A stream that is stuck still sends keep-alives, so each piece is no sign of progress.
        left_s = bound_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"the response did not go on, after {self._body[-500:]!r}")
        self._socket.settimeout(left_s)
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionError(f"the connection was closed within the response, after {self._body!r}")
        self._body += self.response.feed(data)

    def read_head(self) -> ResponseReader:
        """Read on until the head is there."""
        bound_s = time.monotonic() + BOUND_S
        while not self.response.has_head:
            self._receive(bound_s)
        return self.response

    def read_frame(self, within_s: float = BOUND_S) -> bytes:
        """The next frame, blank line included; ``b""`` at the end of the body."""
        bound_s = time.monotonic() + within_s
        while b"\n\n" not in self._body:
            if self.response.is_complete:
                assert self._body == b"", "the body ends within a frame"
                return b""
            self._receive(bound_s)
        frame, separator, self._body = self._body.partition(b"\n\n")
        return frame + separator

    def read_body(self) -> bytes:
        """The rest of the body."""
        bound_s = time.monotonic() + BOUND_S
        while not self.response.is_complete:
            self._receive(bound_s)
        body, self._body = self._body, b""
        return body

    def vanish(self) -> None:
        """Leave while another thread is reading."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave: the server sees the end of the connection."""
        self._socket.close()

    def reset(self) -> None:
        """Vanish: the server sees a reset connection."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
