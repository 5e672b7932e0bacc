"""Many threads at once: each with an event loop and decoders of its own, and all of them on one object.

They matter most to a CPython without a GIL (3.14t and later); with one, threads are made to take turns as
often as they can.
"""

import asyncio
import importlib.util
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from streamactions import (
    SSEDecoder,
    Stream,
    StreamActions,
    WrongThreadError,
    define_stream_action,
    rate_limit_middleware,
)
from streamactions._core import PulseCore, StreamSettings
from streamactions.app.pulse import Pulses
from streamactions.client import open_event_stream, use_stream_action
from streamactions.middleware.rate_limit import SlidingWindow
from streamactions.testing import InProcessTransport

THREADS: Final = 8


@pytest.fixture(autouse=True)
def _turns() -> Iterator[None]:
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """What ``work`` returns in each thread; they begin together."""
    start = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


LOAD_ALONE: Final = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("streamactions._core", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""


def test_the_extension_leaves_the_gil_as_it_is() -> None:
    """Python warns of one that turns it on. Alone, because other packages have their own say."""
    spec = importlib.util.find_spec("streamactions._core")
    assert spec is not None
    assert spec.origin is not None
    command = [sys.executable, "-I", "-W", "error", "-c", LOAD_ALONE, spec.origin]
    loaded = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (loaded.returncode, loaded.stderr) == (0, "")


def test_decoders_of_their_own() -> None:
    values = [{"number": number, "text": f"token {number % 7} é"} for number in range(300)]
    body = b"".join(
        b'id: %d\ndata: {"number":%d,"text":"token %d \xc3\xa9"}\n\n' % (n, n, n % 7) for n in range(300)
    )

    def work(number: int) -> None:
        size = 7 + number
        for _ in range(5):
            decoder, events, read = SSEDecoder(), SSEDecoder(), list[Any]()
            for at in range(0, len(body), size):
                piece = body[at : at + size]
                items = decoder.feed_json(piece)
                read += items
                assert [event.json() for event in events.feed(piece)] == items
            assert read == values
            assert decoder.last_event_id == events.last_event_id == "299"

    in_threads(work)


def test_a_decoder_that_threads_share_refuses_or_takes_a_read_whole() -> None:
    """Reads of one stream have an order, so there is nothing to wait for: whoever comes second is told."""
    decoder = SSEDecoder()
    read = b'id: 1\ndata: {"a": [1, 2, 3]}\n\n' * 50
    refusals: list[str] = []

    def work(number: int) -> int:
        taken = 0
        for turn in range(300):
            try:
                items = decoder.feed_json(read) if (number + turn) % 2 else decoder.feed(read)
                assert len(items) == 50
                taken += 1
                assert decoder.buffered_bytes == 0
                assert decoder.last_event_id == "1"
                assert decoder.retry_ms is None
            except RuntimeError as error:
                refusals.append(str(error))
        return taken

    assert sum(in_threads(work)) > 0
    assert set(refusals) <= {"Already borrowed", "Already mutably borrowed"}
    assert [event.json() for event in decoder.feed(b"data: 1\n\n")] == [1]


class Taken:
    """A write that the server has taken when it is called."""

    def __await__(self) -> Iterator[None]:
        return iter(())


def test_what_other_threads_send_is_refused_and_what_they_hand_over_is_whole() -> None:
    written: list[bytes] = []
    refused: list[Exception] = []

    def server_send(message: dict[str, Any]) -> Any:
        written.append(message["body"])
        return Taken()

    settings = StreamSettings(
        encode=lambda chunk: b"%d" % chunk,
        encode_any=lambda chunk: b"",
        chunk_event=None,
        done_frame=b"event: done\ndata: {}\n\n",
        keep_alive_s=15.0,
        outlives_client=False,
    )

    async def main() -> None:
        pulse = PulseCore(asyncio.get_running_loop(), 0.015, 0.0)
        stream = Stream(settings, server_send, pulse)
        pulse.add(stream)

        def work(number: int) -> None:
            for turn in range(200):
                try:
                    _ = stream.send(-1)
                except WrongThreadError as error:
                    refused.append(error)
                stream.send_from_thread(number * 200 + turn)
                if turn % 50 == 0:
                    assert not stream.closed
                    assert stream.buffered_bytes >= 0

        await asyncio.to_thread(in_threads, work)
        await stream.close()
        pulse.discard(stream)
        assert not pulse.beat()

    asyncio.run(main())
    assert len(refused) == THREADS * 200
    *events, done = SSEDecoder().feed(b"".join(written))
    assert done.event == "done"
    assert sorted(int(event.data) for event in events) == list(range(THREADS * 200))


@define_stream_action(name="count", middleware=[rate_limit_middleware(1_000_000, 60)])
async def count(input: dict[str, int], stream: Any) -> None:
    for number in range(input["count"]):
        await stream.send({"stream": input["stream"], "number": number})
        if number % 10 == 0:
            await asyncio.sleep(0)


def test_an_app_in_the_loops_of_many_threads() -> None:
    """As it is where a server's workers are threads."""
    app = StreamActions([count])

    async def call(number: int) -> None:
        client = InProcessTransport(app)
        handle = use_stream_action(count, base_url="http://test", client=client)
        await handle.execute({"stream": number, "count": 100})
        assert handle.error is None
        assert handle.chunks == [{"stream": number, "number": i} for i in range(100)]

    def work(number: int) -> None:
        async def main() -> None:
            await asyncio.gather(*(call(100 * number + i) for i in range(10)))

        # Loops come and go, and the app lets go of those that are closed.
        for _ in range(3):
            asyncio.run(main())

    in_threads(work)


def test_the_built_in_transport_in_the_loops_of_many_threads() -> None:
    """One thread reads the streams of all loops, and each is woken for its own."""
    body = b"".join(b"data: %d\n\n" % number for number in range(200)) + b"data: [DONE]\n\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for at in range(0, len(body), 100):
            writer.write(body[at : at + 100])
            await writer.drain()
        writer.close()

    async def read(url: str) -> None:
        async with open_event_stream("GET", url, end="[DONE]") as stream:
            assert [value async for value in stream.values()] == list(range(200))

    def work(number: int) -> None:
        async def main() -> None:
            async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                await asyncio.gather(*(read(f"http://127.0.0.1:{port}/") for _ in range(10)))

        for _ in range(2):
            asyncio.run(main())

    in_threads(work)


class ClosedLoop:
    def is_closed(self) -> bool:
        # Others have their turn while the pulses are looked through.
        time.sleep(0)
        return True


def test_each_loop_has_one_pulse() -> None:
    pulses = Pulses(15.0)

    def work(number: int) -> None:
        loop: Any = asyncio.new_event_loop()
        try:
            pulse = pulses.of(loop)
            for _ in range(200):
                closed: Any = ClosedLoop()
                pulses.of(closed)
                assert pulses.of(loop) is pulse
        finally:
            loop.close()

    in_threads(work)


def test_a_rate_limit_counts_the_calls_of_all_threads() -> None:
    window = SlidingWindow(1000, 3600, max_keys=10)

    def work(number: int) -> int:
        return sum(window.wait_s("everybody", 1.0) == 0 for _ in range(500))

    assert sum(in_threads(work)) == 1000


def test_a_rate_limit_forgets_for_all_threads() -> None:
    window = SlidingWindow(1, 1, max_keys=10)

    def work(number: int) -> None:
        for turn in range(2000):
            window.wait_s((number, turn), float(turn))

    in_threads(work)
    assert len(window) <= 10 + 1
