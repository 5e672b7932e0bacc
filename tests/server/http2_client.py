"""A blocking HTTP/2 client with prior knowledge (RFC 9113, 3.3), which can reset a stream and vanish."""

import json
import socket
import time
from types import TracebackType
from typing import Any, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

from server.raw_client import BOUND_S, EVENT_STREAM

__all__ = ["Http2Client"]


class Http2Client:
    """One connection with any number of streams."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), BOUND_S)
        # Otherwise a small frame may wait for the acknowledgement of the one before.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._connection.initiate_connection()
        self._flush()
        self.headers: dict[int, list[tuple[str, str]]] = {}
        self._bodies: dict[int, bytes] = {}
        self._ended: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self) -> None:
        self._socket.sendall(self._connection.data_to_send())

    def request(
        self,
        path: str,
        value: Any,
        *more_headers: tuple[str, str],
        authority: str = "test",
        method: str = "POST",
    ) -> int:
        """Send a request; returns the number of its stream."""
        number = self._connection.get_next_available_stream_id()
        body = json.dumps(value).encode()
        headers = [
            (":method", method),
            (":scheme", "http"),
            (":authority", authority),
            (":path", path),
            ("accept", EVENT_STREAM),
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            *more_headers,
        ]
        self._connection.send_headers(number, headers)
        self._connection.send_data(number, body, end_stream=True)
        self._bodies[number] = b""
        self._flush()
        return number

    def begin(self, path: str) -> int:
        """Send the head of a request and nothing of its body; returns the number of its stream."""
        number = self._connection.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "test"),
            (":path", path),
            ("content-type", "application/json"),
        ]
        self._connection.send_headers(number, headers)
        self._bodies[number] = b""
        self._flush()
        return number

    def _receive(self, bound_s: float) -> None:
        # A stream that is stuck still sends keep-alives, so each piece is no sign of progress.
        left_s = bound_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"no stream went on, after {self._bodies!r}"[:500])
        self._socket.settimeout(left_s)
        data = self._socket.recv(65536)
        assert data, "the server closed the connection"
        for event in self._connection.receive_data(data):
            if isinstance(event, ResponseReceived):
                self.headers[event.stream_id] = [(str(name), str(value)) for name, value in event.headers]
            elif isinstance(event, DataReceived):
                self._bodies[event.stream_id] += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._ended.add(event.stream_id)
            elif isinstance(event, StreamReset) and event.error_code != ErrorCodes.NO_ERROR:
                # After a whole answer, NO_ERROR says that no more of the request is wanted (RFC 9113, 8.1).
                raise AssertionError(f"the server reset stream {event.stream_id}")
        self._flush()

    def read_frame(self, number: int) -> bytes:
        """The next frame of a stream."""
        bound_s = time.monotonic() + BOUND_S
        while b"\n\n" not in self._bodies[number]:
            assert number not in self._ended, "the stream ends without another frame"
            self._receive(bound_s)
        frame, separator, self._bodies[number] = self._bodies[number].partition(b"\n\n")
        return frame + separator

    def read_body(self, number: int) -> bytes:
        """The rest of a stream."""
        bound_s = time.monotonic() + BOUND_S
        while number not in self._ended:
            self._receive(bound_s)
        return self._bodies.pop(number)

    def reset(self, number: int) -> None:
        """Give one stream up: the server gets RST_STREAM, the connection stays."""
        self._connection.reset_stream(number, ErrorCodes.CANCEL)
        self._flush()

    def close(self) -> None:
        """Leave without a word."""
        self._socket.close()
