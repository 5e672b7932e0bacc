"""File descriptors: all are given back, and where there are none the error says so."""

import asyncio
import gc
import os
from typing import Any, Final

import pytest
from new_process import in_new_process
from scripted_server import CHUNKED_HEAD, Connection, piece, scripted_server

from streamactions.client import HyperTransport, open_event_stream

LOOPS: Final = 20


def count_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


PENDING: Final = """
    import asyncio, gc, os, sys, time
    import {module} as loops
    from scripted_server import *
    from streamactions.client import HyperTransport, open_event_stream

    transport = HyperTransport()

    async def leave_work_pending():
        # One stream is read, of the other not even the head has come.
        reading = asyncio.Event()

        async def begin(connection):
            await connection.receive()
            await connection.send(CHUNKED_HEAD + piece(b"data: 1\\n\\n"))
            await asyncio.Event().wait()

        async def be_silent(connection):
            await asyncio.Event().wait()

        async def read(url):
            async with open_event_stream("GET", url, client=transport) as stream:
                async for _ in stream.values():
                    reading.set()

        servers = [scripted_server(begin), scripted_server(be_silent)]
        tasks = [asyncio.ensure_future(read(await server.__aenter__())) for server in servers]
        await reading.wait()
        return servers, tasks

    def use_loop():
        loop = loops.new_event_loop()
        loop.set_exception_handler(lambda *_: None)
        loop.run_until_complete(leave_work_pending())
        loop.close()

    # What is left behind complains of its loop, which is what is tested here.
    sys.unraisablehook = lambda _: None
    use_loop()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range({times}):
        use_loop()
        gc.collect()
    # A connection that was given up is closed by the I/O thread, which has its own pace.
    while len(os.listdir("/proc/self/fd")) > before:
        gc.collect()
        time.sleep(0.01)
    print("all given back")
"""


@pytest.mark.parametrize("module", ["asyncio", "uvloop"])
def test_loops_that_are_closed_with_work_pending_give_all_back(module: str) -> None:
    program = PENDING.format(module=module, times=LOOPS)
    assert in_new_process(program, "-W", "ignore") == "all given back\n"


def test_loops_that_have_ended_well_give_all_back() -> None:
    transport = HyperTransport()

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(b"data: 1\n\n") + b"0\r\n\r\n")

    async def main() -> Any:
        async with (
            scripted_server(script) as url,
            open_event_stream("GET", url, client=transport) as stream,
        ):
            return [value async for value in stream.values()]

    assert asyncio.run(main()) == [1]
    gc.collect()
    before = count_descriptors()
    for _ in range(LOOPS):
        assert asyncio.run(main()) == [1]
    gc.collect()
    assert count_descriptors() <= before


EXHAUSTED: Final = """
    import asyncio, os, resource, socket
    import {library} as library
    from streamactions import ActionError
    from streamactions.client import HyperTransport, open_event_stream

    server = socket.create_server(("127.0.0.1", 0), backlog=100)
    url = f"{scheme}://localhost:{{server.getsockname()[1]}}/"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def open_one(client):
        async with open_event_stream("GET", url, client=client, timeout=0.3):
            return "opened"

    async def main(free):
        client = {client}
        used = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
        fillers = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(fillers) + 1, most))
        for filler in fillers[:free]:
            os.close(filler)
        try:
            await open_one(client)
        except ActionError as error:
            return error.code
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            for filler in fillers[free:]:
                os.close(filler)
            await client.{close}()

    for free in range(4):
        print(asyncio.run(main(free)))
"""
CLIENTS: Final = {
    "hyper": ("asyncio", "HyperTransport()", "aclose"),
    "aiohttp": ("aiohttp", "library.ClientSession()", "close"),
    "httpx": ("httpx", "library.AsyncClient(trust_env=False)", "aclose"),
}


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_without_descriptors_the_error_is_typed(kind: str, scheme: str) -> None:
    library, client, close = CLIENTS[kind]
    output = in_new_process(
        EXHAUSTED.format(library=library, client=client, close=close, scheme=scheme), "-W", "ignore"
    )
    codes = output.split()
    assert len(codes) == 4
    assert codes[0] == "CONNECTION_ERROR"
    assert set(codes) <= {"CONNECTION_ERROR", "TIMEOUT_ERROR"}
