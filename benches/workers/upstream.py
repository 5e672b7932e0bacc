"""An upstream for clients and relays: answers as an OpenAI-compatible server does, at a pace or at once.

Strategy: a bare protocol under uvloop, so that it costs far less than what it is used to measure.
The last message of a request says what is wanted: ``events=100&interval_ms=20&text=token`` sends one
event each 20 ms, ``interval_ms=0`` as fast as the reader takes them, ``per_write=50`` of them in one
write. After them come ``[DONE]`` and the end of the chunked body.

Run: ``benches/.venv/bin/python benches/workers/upstream.py PORT``.
"""

import asyncio
import json
import sys
from typing import Final, cast
from urllib.parse import parse_qs

import uvloop

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
DONE: Final = b"data: [DONE]\n\n"


def make_event(text: str) -> bytes:
    """A token as such servers send it."""
    value = {
        "id": "chatcmpl-0",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
    }
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def piece(data: bytes) -> bytes:
    """Some of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST: Final = piece(DONE) + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._left = 0
        self._interval_s = 0.0
        self._per_write = 1
        self._piece = b""
        self._may_write = True
        self._planned: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        if not mark:
            return
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        if len(body) < length:
            return
        self._received = b""
        wanted = parse_qs(json.loads(body)["messages"][-1]["content"])
        self._left = int(wanted["events"][0])
        self._interval_s = float(wanted["interval_ms"][0]) / 1000
        self._per_write = int(wanted["per_write"][0])
        self._piece = piece(make_event(wanted["text"][0]))
        self._transport.write(HEAD)
        self._next()

    def _next(self) -> None:
        self._planned = None
        loop = asyncio.get_running_loop()
        if self._interval_s:
            self._transport.write(self._piece)
            self._left -= 1
            if self._left:
                self._planned = loop.call_later(self._interval_s, self._next)
                return
        # A connection that was lost takes everything and never asks to pause.
        while self._left and self._may_write and not self._transport.is_closing():
            count = min(self._left, self._per_write)
            self._transport.write(self._piece * count)
            self._left -= count
            if self._left and self._per_write == 1:
                # uvloop joins the writes of one turn of its loop.
                self._planned = loop.call_soon(self._next)
                return
        if not self._left:
            self._transport.write(LAST)

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        if self._left and self._planned is None:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._planned is not None:
            self._planned.cancel()


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
