"""A real TCP server that says exactly the bytes that a script tells it to say."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

KEPT_CHUNKED_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
# A script closes its connection when it returns, so the head says so.
CHUNKED_HEAD: Final = KEPT_CHUNKED_HEAD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
UNTIL_CLOSE_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
LAST_PIECE: Final = b"0\r\n\r\n"


def length_head(
    body_bytes: int, status: bytes = b"200 OK", content_type: bytes = b"text/event-stream"
) -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (
        status,
        content_type,
        body_bytes,
    )


def piece(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> Received:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        fields = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Received(method, path, headers, body)

    async def receive_some(self) -> None:
        """Take what has come of a request, and leave the rest unread."""
        await self._reader.read(1024)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def wait_left(self) -> None:
        """Wait until the client has closed the connection."""
        with suppress(ConnectionResetError):
            assert await self._reader.read() == b""

    def reset(self) -> None:
        """Break the connection with a reset instead of an end."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


@asynccontextmanager
async def scripted_server(
    script: Callable[[Connection], Awaitable[None]], context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve every connection with the script, over TLS where there is a context, and close it at its end.

    Leaving waits for the scripts, and a script that fails fails the test. Yields the server's URL.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Connection(reader, writer))
        finally:
            writer.close()

    async with asyncio.TaskGroup() as scripts:
        server = await asyncio.start_server(
            lambda reader, writer: scripts.create_task(serve(reader, writer)) and None,
            "127.0.0.1",
            0,
            ssl=context,
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            yield f"{'http' if context is None else 'https'}://127.0.0.1:{port}"
