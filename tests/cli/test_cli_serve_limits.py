"""What strangers may take of a worker that ``streamactions serve`` started."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from cli.commands import BOUND_S, Served, serve
from cli.hostile import HttpTwoPeer, max_memory_kb, worker_of

APP: Final = """
import asyncio

from streamactions import StreamActions, define_stream_action


@define_stream_action
async def flood(stream):
    while True:
        await stream.send("x" * 1000)


@define_stream_action
async def echo(input, stream):
    await stream.send(input)


app = StreamActions([flood, echo])
"""

STREAMS: Final = 200
MAX_GROWTH_KB: Final = 50_000
"""Enough for what 200 calls need, and a twentieth of what the worst peer got."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for all tests, whose memory may grow by what each of them allows."""
    file = tmp_path_factory.mktemp("limits") / "app.py"
    file.write_text(APP)
    with serve(file) as served:
        yield served


def port_of(served: Served) -> int:
    return int(served.url.rpartition(":")[2])


def answers(served: Served) -> bool:
    """Whether others are served, once all that came before was looked at."""
    return httpx.post(f"{served.url}/api/_actions/echo", json=1).text.startswith("data: 1\n\n")


@pytest.fixture
def grows_little(served: Served) -> Iterator[None]:
    """The worker takes little more than before, and is there for others afterwards."""
    worker = worker_of(served.process.pid)
    assert answers(served)
    before_kb = max_memory_kb(worker)
    yield
    assert answers(served)
    assert worker_of(served.process.pid) == worker
    assert max_memory_kb(worker) - before_kb < MAX_GROWTH_KB


@pytest.mark.usefixtures("grows_little")
@pytest.mark.parametrize(
    ("value_characters", "references"), [(3900, 4000), (3900, 8), (1, 900), (1, 16_000), (100, 200)]
)
def test_heads_that_are_references_to_a_table_take_no_more_than_others(
    served: Served, value_characters: int, references: int
) -> None:
    """Each byte 0xBE repeats the newest field of the table, which the server holds (RFC 7541, 6.1)."""
    peer = HttpTwoPeer(port_of(served))
    try:
        peer.call("/api/_actions/echo", x="y" * value_characters)
        for _ in range(STREAMS):
            peer.call("/api/_actions/echo", b"\xbe" * references, ends=False)
    except ConnectionError:
        # The server has had enough of it.
        pass
    peer.is_alive()
    peer.close()


@pytest.mark.usefixtures("grows_little")
def test_streams_that_nobody_reads_take_little(served: Served) -> None:
    peer = HttpTwoPeer(port_of(served))
    peer.open_windows()
    for _ in range(STREAMS):
        peer.call("/api/_actions/flood", accept="text/event-stream")
    # Its answers fill what the kernel takes; then those of the streams wait in the worker.
    for _ in range(20):
        assert answers(served)
    peer.close()


@pytest.mark.usefixtures("grows_little")
def test_floods_of_frames_that_are_answered_take_little(served: Served) -> None:
    peer = HttpTwoPeer(port_of(served))
    peer.socket.setblocking(False)
    ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + b"12345678"
    settings = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x04\x00\x00\xff\xff"
    sent_bytes = 0
    try:
        # Nothing is read, so a server that kept its answers would keep very many.
        while sent_bytes < 50_000_000:
            sent_bytes += peer.socket.send((ping + settings) * 1000)
    except (BlockingIOError, ConnectionError):
        pass
    peer.close()


@pytest.mark.usefixtures("grows_little")
def test_heads_that_never_end_take_little(served: Served) -> None:
    connections = []
    for _ in range(100):
        connection = socket.create_connection(("127.0.0.1", port_of(served)), BOUND_S)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.send(b"POST /api/_actions/echo HTTP/1.1\r\nx: " + b"x" * 400_000)
        connections.append(connection)
    for connection in connections:
        connection.close()


def test_a_head_that_is_too_large_is_refused(served: Served) -> None:
    answer = httpx.post(f"{served.url}/api/_actions/echo", json=1, headers={"x": "x" * 70_000})
    assert answer.status_code == 431
    assert answers(served)
    assert Path(f"/proc/{worker_of(served.process.pid)}").exists()
