"""Readers on bare sockets: what no well-kept client does, and what is no call at all."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any, Final

from soak.chunks import MAX_CHUNKS
from soak.clients import PREFIX, Clients
from soak.http2_stream import Http2Stream
from soak.raw_stream import RawStream
from soak.reading import End, Reading, Sort
from streamactions import ActionError

__all__ = ["cut", "cut_silent", "half_closed", "http2", "idle", "junk", "raw", "refused", "reset", "stopped"]

SMALL_RECEIVE_BUFFER_BYTES: Final = 4096
"""So that the server has to wait for a reader that has stopped."""

MAX_STOP_S: Final = 2.0
"""How long a reader stops to read."""

MAX_IDLE_S: Final = 3.0
"""How long a connection stays open that asks for nothing."""

MAX_CHUNKS_BEFORE_LEAVING: Final = 40

TOO_LARGE_BYTES: Final = 1_048_577
"""One more than the app takes."""

_JUNK: Final = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xa5" * 200,
    b"not http at all\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /api/_actions/numbers HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    b"POST /api/_actions/numbers HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
)

_REFUSALS: Final[tuple[tuple[str, Any, int, str], ...]] = (
    ("/numbers", {"run": "none", "chunks": -1}, 422, "VALIDATION_ERROR"),
    ("/no-such-action", {}, 404, "NOT_FOUND"),
    ("/numbers", b"{", 400, "INVALID_JSON"),
    ("/numbers", b" " * TOO_LARGE_BYTES, 413, "PAYLOAD_TOO_LARGE"),
    ("/numbers-by-get", {}, 405, "METHOD_NOT_ALLOWED"),
)


async def _chunks(
    clients: Clients, reading: Reading, opened: RawStream, action: str = "numbers"
) -> AsyncIterator[dict[str, Any]]:
    """The chunks of a call; says that it is whole where the server has said so."""
    await opened.connect(clients.port)
    await opened.request(f"{PREFIX}/{action}", reading.request)
    async for chunk in _read_on(reading, opened):
        yield chunk


async def _read_on(reading: Reading, opened: RawStream | Http2Stream) -> AsyncIterator[dict[str, Any]]:
    is_whole = False
    async for event in opened.events():
        if is_whole:
            reading.add_fault(Sort.DOUBLED, f"got {event} after the stream's end")
        if event.event == "error":
            raise ActionError.from_wire(event.json())
        if event.event == "done":
            is_whole = True
        else:
            yield event.json()
    if not is_whole:
        reading.add_fault(Sort.FALSELY_COMPLETE, "has a whole body without done or error")
    reading.end = End.WHOLE


async def raw(clients: Clients, reading: Reading, random: Random) -> None:
    """Reads all, as fast as it comes."""
    with RawStream() as opened:
        async for chunk in _chunks(clients, reading, opened):
            reading.take(chunk)


async def stopped(clients: Clients, reading: Reading, random: Random) -> None:
    """Stops to read for a while, with a small buffer, and reads on to the end."""
    stop_at = random.randrange(reading.chunks)
    with RawStream(receive_buffer_bytes=SMALL_RECEIVE_BUFFER_BYTES) as opened:
        async for chunk in _chunks(clients, reading, opened):
            reading.take(chunk)
            if chunk["number"] == stop_at:
                await asyncio.sleep(random.random() * MAX_STOP_S)


async def cut(clients: Clients, reading: Reading, random: Random) -> None:
    """Closes its connection in the midst, with bytes that it has not read or without."""
    leave_at = random.randrange(MAX_CHUNKS_BEFORE_LEAVING)
    with RawStream() as opened:
        async for chunk in _chunks(clients, reading, opened):
            reading.take(chunk)
            if chunk["number"] == leave_at:
                break
    reading.end = End.LEFT


async def reset(clients: Clients, reading: Reading, random: Random) -> None:
    """Resets its connection in the midst."""
    leave_at = random.randrange(MAX_CHUNKS_BEFORE_LEAVING)
    with RawStream() as opened:
        async for chunk in _chunks(clients, reading, opened):
            reading.take(chunk)
            if chunk["number"] == leave_at:
                opened.reset()
                break
    reading.end = End.LEFT


async def cut_silent(clients: Clients, reading: Reading, random: Random) -> None:
    """Leaves in one way or the other while the handler waits for ever."""
    with RawStream() as opened:
        async for chunk in _chunks(clients, reading, opened, "silent"):
            reading.take(chunk)
            if reading.count == reading.chunks:
                break
        if random.random() < 0.5:
            opened.reset()
    reading.end = End.LEFT


async def half_closed(clients: Clients, reading: Reading, random: Random) -> None:
    """Closes its own side after the request, or in the midst: the answer is whole, or is cut as such."""
    close_at = random.randrange(-1, 10)
    with RawStream() as opened:
        await opened.connect(clients.port)
        await opened.request(f"{PREFIX}/numbers", reading.request)
        if close_at < 0:
            opened.half_close()
        async for chunk in _read_on(reading, opened):
            reading.take(chunk)
            if chunk["number"] == close_at:
                opened.half_close()


async def http2(clients: Clients, reading: Reading, random: Random) -> None:
    """Reads all by HTTP/2, beside a flood on the same connection that is reset in the midst."""
    reset_at = random.randrange(reading.chunks)
    with Http2Stream() as opened:
        await opened.connect(clients.port)
        flood = await opened.request(f"{PREFIX}/numbers", {"run": 0, "chunks": MAX_CHUNKS})
        await opened.request(f"{PREFIX}/numbers", reading.request)
        async for chunk in _read_on(reading, opened):
            reading.take(chunk)
            if chunk["number"] == reset_at:
                await opened.reset(flood)


# --- What is no stream ---------------------------------------------------------------------------


async def refused(clients: Clients, reading: Reading, random: Random) -> None:
    """A request that has to be refused, with the status that says why."""
    path, value, status, code = random.choice(_REFUSALS)
    is_raw = isinstance(value, bytes)
    if status == 413:
        # A server that has not read a body may close the connection under it.
        reading.may_end |= {End.CUT}
    with RawStream() as opened:
        await opened.connect(clients.port)
        await opened.request(
            PREFIX + path, None if is_raw else value, body=value if is_raw else None, accept="*/*"
        )
        body = await opened.body()
    if opened.response.status == status and f'"{code}"'.encode() in body:
        reading.end = End.REFUSED
    else:
        reading.detail = f"{code} was due, and {opened.response.status} {body[:200]!r} came"


async def junk(clients: Clients, reading: Reading, random: Random) -> None:
    """Bytes that are no request: the connection has to be closed, with an error or without."""
    with RawStream() as opened:
        await opened.connect(clients.port)
        await opened.send(random.choice(_JUNK))
        answer = b""
        while data := await opened.receive():
            answer += data
    if answer.startswith(b"HTTP/1.1 2"):
        reading.detail = f"was answered {answer[:200]!r}"
    else:
        reading.end = End.REFUSED


async def idle(clients: Clients, reading: Reading, random: Random) -> None:
    """A connection that asks for nothing, or for half of something, and leaves after a while."""
    with RawStream() as opened:
        await opened.connect(clients.port)
        if random.random() < 0.5:
            await opened.send(b"POST /api/_actions/numbers HTTP/1.1\r\nhost: a\r\n")
        await asyncio.sleep(random.random() * MAX_IDLE_S)
    reading.end = End.LEFT
