"""An event stream on a bare socket, which can stop reading, half-close and vanish, for asyncio."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, Self

from server.http1 import ResponseReader, request_bytes
from server.raw_client import EVENT_STREAM
from streamactions import Event, SSEDecoder

__all__ = ["RawStream"]

READ_BYTES: Final = 16_384


class RawStream:
    """One connection with one request and its response.

    Args:
        receive_buffer_bytes: the socket's, or ``None`` for the system's.
    """

    def __init__(self, *, receive_buffer_bytes: int | None = None) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        if receive_buffer_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.response: Final = ResponseReader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def connect(self, port: int) -> None:
        """Connect to this port of the loopback interface."""
        await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def request(
        self, path: str, value: Any = None, *, body: bytes | None = None, accept: str = EVENT_STREAM
    ) -> None:
        """Send a request whose body is ``value`` as JSON, or ``body`` as it is."""
        body = json.dumps(value).encode() if body is None else body
        await self.send(request_bytes(path, body, headers={"accept": accept}))

    async def receive(self) -> bytes:
        """The next bytes as they come; ``b""`` where the server has closed the connection."""
        return await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            ConnectionError: it was cut.
        """
        return b"".join([data async for data in self._pieces()])

    async def events(self) -> AsyncIterator[Event]:
        """Each event until the body is over.

        Raises:
            ConnectionError: it was cut.
        """
        decoder = SSEDecoder()
        async for data in self._pieces():
            for event in decoder.feed(data):
                yield event

    async def _pieces(self) -> AsyncIterator[bytes]:
        while not self.response.is_complete:
            data = await self.receive()
            if not data:
                raise ConnectionError("the connection was closed within the response")
            yield self.response.feed(data)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanish: the server sees a reset connection."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
