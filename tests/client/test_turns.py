"""The event loop turns, and limits hold, however much faster an upstream is than the one who reads it."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import uvloop
from client_runner import HANG_S
from fake_transport import FakeResponse, FakeTransport
from real_clients import open_client
from scripted_server import CHUNKED_HEAD, LAST_PIECE, Connection, piece, scripted_server

from streamactions import ActionError, use_stream_action
from streamactions._core import MAX_TURN_S, PulseCore, StreamCore, StreamSettings
from streamactions.client import HyperTransport, Request, Response, open_event_stream

WORK_S: Final = 20e-6
"""What a handler does for each event: many times what reading one takes."""

MAX_COUNTED: Final = 6_000
"""So many events take a handler many times as long as the loop may be kept from turning."""

KINDS: Final = ["default", "aiohttp", "httpx"]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_loop = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])


def work(work_s: float = WORK_S) -> None:
    """Compute, and let nobody else run."""
    until_s = time.perf_counter() + work_s
    while time.perf_counter() < until_s:
        pass


class Ticker:
    """Counts the turns that the loop has made; a turn is seen where another task runs."""

    def __init__(self) -> None:
        self.turns = 0
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.turns += 1

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@asynccontextmanager
async def serving(script: Callable[[Connection], Awaitable[None]]) -> AsyncIterator[str]:
    """The upstream has a loop and a thread of its own, so that it goes on whatever this loop does."""

    def serve() -> None:
        async def main() -> None:
            async with scripted_server(script) as url:
                loop.call_soon_threadsafe(started.set_result, url)
                await asyncio.to_thread(is_over.wait)

        asyncio.run(main())

    loop = asyncio.get_running_loop()
    started: asyncio.Future[str] = loop.create_future()
    is_over = threading.Event()
    server = asyncio.create_task(asyncio.to_thread(serve))
    try:
        yield await started
    finally:
        is_over.set()
        await server


UPSTREAM: Final = """
import socket, threading

def serve(connection):
    with connection:
        head = connection.recv(65_536)
        event = b": keep-alive\\n\\n" if b" /comments " in head else b"data: [1,2,3]\\n\\n"
        try:
            connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-type: text/event-stream\\r\\n\\r\\n")
            while True:
                connection.sendall(event * 4_000)
        except OSError:
            pass

with socket.create_server(("127.0.0.1", 0)) as server:
    print("http://127.0.0.1:%d" % server.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
"""Floods everyone without an end. In a process of its own it is always ahead of its readers here."""


@pytest.fixture(scope="module", autouse=True)
def upstream() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", UPSTREAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        _url.append(process.stdout.readline().strip())
        yield _url[0]
        process.kill()
        _url.clear()


_url: Final[list[str]] = []


@asynccontextmanager
async def flood(kind: str, path: str = "/events") -> AsyncIterator[tuple[str, Any]]:
    """The URL of an upstream that floods, and a client to read it with."""
    async with open_client(kind) as client:
        yield _url[0] + path, client


def run_on(new_loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(3 * HANG_S):
            await main()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(bounded())


async def read_values(url: str, client: Any, **options: Any) -> None:
    async with open_event_stream("GET", url, client=client, **options) as stream:
        count = 0
        async for _ in stream.values():
            work()
            count += 1
            if count == MAX_COUNTED and not options:
                return


async def read_events(url: str, client: Any, **options: Any) -> None:
    async with open_event_stream("GET", url, client=client, **options) as stream:
        count = 0
        async for _ in stream:
            work()
            count += 1
            if count == MAX_COUNTED and not options:
                return


async def read_chunks(url: str, client: Any, **options: Any) -> None:
    count = 0
    handle = use_stream_action(url, client=client, keep_chunks=False, dialect="standard", **options)
    async for _ in handle.stream():
        work()
        count += 1
        if count == MAX_COUNTED and not options:
            handle.stop()


async def execute(url: str, client: Any, **options: Any) -> None:
    count = 0

    def on_chunk(_: object) -> None:
        nonlocal count
        work()
        count += 1
        if count == MAX_COUNTED and not options:
            handle.stop()

    handle = use_stream_action(
        url, client=client, keep_chunks=False, dialect="standard", on_chunk=on_chunk, **options
    )
    await handle.execute()
    if handle.error is not None:
        raise handle.error


READERS: Final = [read_values, read_events, read_chunks, execute]


@every_loop
@every_kind
@pytest.mark.parametrize("read", READERS)
def test_the_loop_turns_while_a_flood_is_read(
    read: Callable[..., Awaitable[None]], kind: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        async with flood(kind) as (url, client):
            ticker = Ticker()
            await read(url, client)
            # The work alone takes eight times the 15 ms that the loop may be kept from turning for.
            assert ticker.turns >= 4
            await ticker.stop()

    run_on(new_loop, main)


@every_loop
@every_kind
@pytest.mark.parametrize("read", READERS)
def test_the_limit_of_a_call_holds_in_a_flood(
    read: Callable[..., Awaitable[None]], kind: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        async with flood(kind) as (url, client):
            with pytest.raises(ActionError, match=r"timed out after 0\.2 seconds") as caught:
                await read(url, client, timeout=0.2)
            assert caught.value.code == "TIMEOUT_ERROR"

    run_on(new_loop, main)


@every_kind
def test_the_limit_of_a_call_holds_in_a_flood_of_comments(kind: str) -> None:
    """They are no events, so the reader goes on by itself."""

    async def main() -> None:
        async with flood(kind, "/comments") as (url, client):
            for read in READERS:
                with pytest.raises(ActionError, match="timed out"):
                    await read(url, client, timeout=0.1)

    run_on(asyncio.new_event_loop, main)


async def read_on(response: Response) -> None:
    while await response.read():
        work()


@every_loop
def test_the_loop_turns_while_the_bytes_of_a_response_are_read(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        transport = HyperTransport()
        async with (
            flood("default") as (url, _),
            transport.open_response(Request("GET", url, {}, None)) as response,
        ):
            ticker = Ticker()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read_on(response), 0.2)
            assert ticker.turns > 1
            await ticker.stop()

    run_on(new_loop, main)


class Taken:
    """A write that the server has taken when it is called."""

    def __await__(self) -> Any:
        return iter(())


def make_stream() -> StreamCore:
    settings = StreamSettings(
        encode=str.encode,
        encode_any=str.encode,
        chunk_event=None,
        done_frame=b"done",
        keep_alive_s=15.0,
        outlives_client=True,
    )
    pulse = PulseCore(asyncio.get_running_loop(), MAX_TURN_S, 1.0)
    return StreamCore(settings, lambda message: Taken(), pulse)


def make_nothing(_: object) -> None:
    work()


def make_chunk(_: object) -> str:
    work()
    return "1"


@every_loop
@every_kind
@pytest.mark.parametrize("make", [make_nothing, make_chunk])
def test_the_limit_of_a_call_holds_where_a_flood_is_sent_on(
    make: Callable[[object], str | None], kind: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        async with flood(kind) as (url, client):
            ticker = Ticker()
            with pytest.raises(ActionError, match="timed out"):
                async with open_event_stream("GET", url, client=client, timeout=0.2) as stream:
                    await make_stream().send_each(stream.values(), make)
            assert ticker.turns > 1
            await ticker.stop()

    run_on(new_loop, main)


async def always_ready() -> AsyncIterator[str]:
    while True:
        work()
        yield "1"


@every_loop
@pytest.mark.parametrize("make", [make_nothing, make_chunk, None])
@pytest.mark.parametrize("is_left", [False, True])
def test_the_loop_turns_while_what_is_always_ready_is_sent(
    is_left: bool,
    make: Callable[[object], str | None] | None,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        stream = make_stream()
        if is_left:
            stream._abandon()
        ticker = Ticker()
        for send in (stream.send_each(always_ready(), make), send_one_by_one(stream, make)):
            turns = ticker.turns
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await send
            assert ticker.turns > turns
        await ticker.stop()

    run_on(new_loop, main)


async def send_one_by_one(stream: StreamCore, make: Callable[[object], str | None] | None) -> None:
    async for item in always_ready():
        await stream.send((make or make_chunk)(item) or "1")


async def read_short_streams() -> None:
    while True:
        transport = FakeTransport(FakeResponse(b"data: 1\n\n"))
        async with open_event_stream("GET", "http://test/", client=transport) as stream:
            async for _ in stream.values():
                work()


def test_many_short_streams_that_are_always_ready_share_a_turn() -> None:
    """Each is over long before the loop had to turn for it alone."""

    async def main() -> None:
        ticker = Ticker()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read_short_streams(), 0.2)
        assert ticker.turns > 1
        await ticker.stop()

    run_on(asyncio.new_event_loop, main)


def test_a_wait_for_each_item_sees_the_turns_of_a_flood() -> None:
    async def main() -> None:
        async with flood("default") as (url, _), open_event_stream("GET", url) as stream:
            values = stream.values()
            ticker = Ticker()
            for _ in range(5_000):
                assert await asyncio.wait_for(anext(values), HANG_S) == [1, 2, 3]
                work()
            assert ticker.turns > 1
            await ticker.stop()

    run_on(asyncio.new_event_loop, main)


async def read_all(values: AsyncIterator[Any]) -> None:
    async for value in values:
        work()
        assert value == [1, 2, 3]


def test_a_turn_can_be_cancelled_and_the_stream_read_on() -> None:
    async def main() -> None:
        async with flood("default") as (url, _), open_event_stream("GET", url) as stream:
            values = stream.values()
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(read_all(values), 0.05)
            assert await anext(values) == [1, 2, 3]

    run_on(asyncio.new_event_loop, main)


@every_loop
@every_kind
@pytest.mark.parametrize("reads", ["events", "chunks"])
def test_bytes_that_come_while_the_loop_is_kept_from_turning_are_not_late(
    reads: str, kind: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """They come long before the limit, but the loop looks at them long after it."""

    async def main() -> None:
        is_blocked = threading.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(CHUNKED_HEAD + piece(b"data: 1\n\n"))
            await asyncio.to_thread(is_blocked.wait)
            await connection.send(piece(b"data: 2\n\nevent: done\ndata: {}\n\n") + LAST_PIECE)

        def block() -> None:
            is_blocked.set()
            time.sleep(1.0)

        async with serving(script) as url, open_client(kind) as client:
            options: dict[str, Any] = {"client": client, "idle_timeout_s": 0.5}
            seen = []
            if reads == "chunks":
                async for chunk in use_stream_action(url, **options).stream():
                    seen.append(chunk)
                    asyncio.get_running_loop().call_later(0.01, block)
            else:
                async with open_event_stream("GET", url, end_event="done", **options) as stream:
                    async for event in stream:
                        seen.append(event.json())
                        if len(seen) == 1:
                            asyncio.get_running_loop().call_later(0.01, block)
            assert seen[:2] == [1, 2]

    run_on(new_loop, main)


@every_kind
def test_a_handler_that_is_slow_is_not_idle(kind: str) -> None:
    async def main() -> None:
        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(CHUNKED_HEAD + piece(b"data: 1\n\ndata: 2\n\n"))
            await connection.send(piece(b"data: 3\n\n") + LAST_PIECE)

        async with serving(script) as url, open_client(kind) as client:
            async with open_event_stream("GET", url, client=client, idle_timeout_s=0.1) as stream:
                seen = []
                async for value in stream.values():
                    seen.append(value)
                    await asyncio.sleep(0.15)
                    work(0.15)
            assert seen == [1, 2, 3]

    run_on(asyncio.new_event_loop, main)
