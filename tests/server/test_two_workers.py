"""Two hundred streams at once through two workers: every chunk once, and in order."""

import asyncio
from collections.abc import Iterator

import pytest

from server.http1 import ResponseReader, request_bytes
from server.processes import granian, run_server
from server.raw_client import BOUND_S, EVENT_STREAM
from streamactions import Event, SSEDecoder

STREAMS = 200
CHUNKS = 500


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with run_server(granian(2, "--backlog", "2048"), "server.actions.app:app") as (port, _):
        yield port


async def read_stream(port: int, number: int, chunks: int = CHUNKS) -> list[Event]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"stream":%d,"count":%d}' % (number, chunks)
    writer.write(request_bytes("/api/_actions/numbers", body, headers={"accept": EVENT_STREAM}))
    response, decoder, events = ResponseReader(), SSEDecoder(), list[Event]()
    while not response.is_complete:
        data = await reader.read(65536)
        assert data, "the connection was closed within the stream"
        events += decoder.feed(response.feed(data))
    writer.close()
    await writer.wait_closed()
    return events


async def read_all(port: int) -> list[list[Event]]:
    async with asyncio.timeout(BOUND_S):
        # Granian says that a worker has started before it listens.
        listening: set[int] = set()
        while len(listening) < 2:
            first, *_ = await read_stream(port, 0, chunks=1)
            listening.add(first.json()["pid"])
        return await asyncio.gather(*(read_stream(port, number) for number in range(STREAMS)))


def test_every_chunk_comes_once_and_in_order(port: int) -> None:
    pids = set()
    for number, (*chunks, done) in enumerate(asyncio.run(read_all(port))):
        assert (done.event, done.data) == ("done", "{}")
        read = [chunk.json() for chunk in chunks]
        assert [(chunk["stream"], chunk["i"]) for chunk in read] == [(number, i) for i in range(CHUNKS)]
        pids |= {chunk["pid"] for chunk in read}
    assert len(pids) == 2
