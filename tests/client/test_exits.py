"""The interpreter ends quietly, whatever its daemon threads are in the middle of."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from socket import create_connection, create_server, socket
from typing import Final

import pytest
from new_process import in_new_process
from scripted_server import UNTIL_CLOSE_HEAD

ROUNDS: Final = 6
"""An end that met a thread in the wrong place was one in five; each round has four threads."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that floods everyone."""

    def serve(connection: socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(UNTIL_CLOSE_HEAD)
            while True:
                connection.sendall(b"data: [1]\n\n" * 4_000)

    def accept() -> None:
        while not is_over.is_set():
            connection, _ = server.accept()
            thread = threading.Thread(target=serve, args=(connection,))
            thread.start()
            threads.append(thread)

    is_over = threading.Event()
    threads: list[threading.Thread] = []
    with create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield "http://{}:{}/".format(*server.getsockname())
        is_over.set()
        create_connection(server.getsockname()).close()
        accepting.join()
        for thread in threads:
            thread.join()


PROGRAM: Final = """
    import asyncio, threading, time, uvloop
    from streamactions import SSEDecoder
    from streamactions._core import PulseCore, StreamCore, StreamSettings
    from streamactions.client import open_event_stream

    URL, KIND = {url!r}, {kind!r}
    counts = 4 * [0]

    class Taken:
        def __await__(self):
            return iter(())

    def make_stream():
        settings = StreamSettings(
            encode=bytes, encode_any=bytes, chunk_event=None, done_frame=b"", keep_alive_s=15.0,
            outlives_client=False,
        )
        return StreamCore(
            settings, lambda message: Taken(), PulseCore(asyncio.get_running_loop(), 0.015, 1.0)
        )

    async def read(number):
        def make_chunk(value):
            counts[number] += 1
            return b"x"

        async with open_event_stream("GET", URL) as stream:
            if KIND == "sends on":
                await make_stream().send_each(stream.values(), make_chunk)
            async for _ in stream.values():
                counts[number] += 1

    def make_reads(number):
        while True:
            counts[number] += 1
            yield b"data: [1]\\n\\n"

    def run(number):
        if KIND == "decodes":
            for _ in SSEDecoder().iter_json(make_reads(number)):
                pass
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if number % 2 else None) as runner:
            runner.run(read(number))

    for number in range(4):
        threading.Thread(target=run, args=(number,), daemon=True).start()
    while min(counts) < 300:
        time.sleep(0.005)
"""


@pytest.mark.parametrize("kind", ["reads", "sends on", "decodes"])
def test_daemon_threads_in_a_flood_do_not_disturb_the_end(url: str, kind: str) -> None:
    for _ in range(ROUNDS):
        assert in_new_process(PROGRAM.format(url=url, kind=kind)) == ""
