"""One HTTP/2 connection with a stream that is read and one that is not, for asyncio."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, StreamEnded, StreamReset

from server.raw_client import EVENT_STREAM
from streamactions import Event, SSEDecoder

__all__ = ["Http2Stream"]

READ_BYTES: Final = 16_384

FRAME_HEAD_BYTES: Final = 9
GO_AWAY: Final = 0x07
"""A frame's head, and the type of one frame (RFC 9113, sections 4.1 and 6.8)."""


class Http2Stream:
    """A connection with prior knowledge (RFC 9113, section 3.3), and the response that is read from it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._number = 0
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def connect(self, port: int) -> None:
        """Connect to this port of the loopback interface."""
        await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", port))
        self._connection.initiate_connection()
        await self._flush()

    async def request(self, path: str, value: Any) -> int:
        """Send a request, whose response is the one that is read; returns the number of its stream."""
        self._number = self._connection.get_next_available_stream_id()
        body = json.dumps(value).encode()
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":authority": "test",
            ":path": path,
            "accept": EVENT_STREAM,
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        self._connection.send_headers(self._number, list(fields.items()))
        self._connection.send_data(self._number, body, end_stream=True)
        await self._flush()
        return self._number

    async def reset(self, number: int) -> None:
        """Want no more of this stream (RFC 9113, section 6.4)."""
        self._connection.reset_stream(number, ErrorCodes.CANCEL)
        await self._flush()

    async def events(self) -> AsyncIterator[Event]:
        """Each event until the body is over.

        Raises:
            ConnectionError: it was cut.
        """
        decoder = SSEDecoder()
        while True:
            data = await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)
            if not data:
                raise ConnectionError("the connection was closed within the response")
            for news in self._connection.receive_data(self._without_go_away(data)):
                if isinstance(news, DataReceived):
                    self._connection.acknowledge_received_data(news.flow_controlled_length, news.stream_id)
                    if news.stream_id == self._number:
                        for event in decoder.feed(news.data):
                            yield event
                elif isinstance(news, StreamEnded) and news.stream_id == self._number:
                    return
                elif isinstance(news, StreamReset) and news.stream_id == self._number:
                    raise ConnectionError(f"the server reset the stream with {news.error_code}")
            await self._flush()

    def _without_go_away(self, data: bytes) -> bytes:
        """The whole frames that have come but those that say that the server takes no new streams.

        The package h2 refuses everything after such a frame; RFC 9113, section 6.8, lets streams go on.
        """
        self._unread += data
        kept = b""
        while len(self._unread) >= FRAME_HEAD_BYTES:
            frame_bytes = FRAME_HEAD_BYTES + int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < frame_bytes:
                break
            frame, self._unread = self._unread[:frame_bytes], self._unread[frame_bytes:]
            if frame[3] != GO_AWAY:
                kept += frame
            elif error_code := int.from_bytes(frame[FRAME_HEAD_BYTES + 4 : FRAME_HEAD_BYTES + 8], "big"):
                raise ConnectionError(f"the server ends the connection with the error {error_code}")
        return kept

    async def _flush(self) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, self._connection.data_to_send())
