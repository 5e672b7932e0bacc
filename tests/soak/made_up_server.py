"""A server that answers every call with the numbers and the end that a test makes up."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from soak.chunks import make_chunk

__all__ = ["BODY_END", "DONE", "PID", "made_up_server"]

PID: Final = 4711
"""The worker that its chunks name."""

DONE: Final = b"event: done\ndata: {}\n\n"
BODY_END: Final = b"0\r\n\r\n"

_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


@asynccontextmanager
async def made_up_server(
    numbers: Sequence[int], *ends: bytes, hangs: bool = False, run_offset: int = 0
) -> AsyncIterator[str]:
    """Serve on a free port until the block is left.

    Args:
        numbers: of the chunks that are sent.
        ends: what follows: `DONE` for an event, `BODY_END` for the end of the body.
        hangs: whether the connection then stays open.
        run_offset: added to the number of the call that each chunk names.
    """
    is_over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        asked = json.loads(await reader.readexactly(int(length.partition(b":")[2])))
        writer.write(_HEAD)
        for number in numbers:
            chunk = make_chunk(asked["run"] + run_offset, number, PID, asked["pad_bytes"])
            writer.write(_piece(f"data: {json.dumps(chunk)}\n\n".encode()))
        for end in ends:
            writer.write(end if end == BODY_END else _piece(end))
        if hangs:
            await is_over.wait()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            is_over.set()


def _piece(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
