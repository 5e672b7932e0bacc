"""Reading streams: CPU per event of the client's process, all its threads, for many streams at once.

Strategy: one upstream in a process of its own on the last core (``client_upstream.py``), the readers on
the first core, one process for each run, contestant after contestant, round after round; medians are
compared. Each reader must have had every event of every stream, or the run is void.

Run: ``python benches/client_read.py [--quick]``; needs aiohttp, httpx, httpx-sse and openai.
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import uvloop

from client_upstream import DONE, EVENT
from streamactions import build_info

HERE: Final = Path(__file__).parent
ROUNDS: Final = 3
SHAPES: Final[dict[str, tuple[int, int, float]]] = {"spaced": (200, 100, 20), "burst": (20, 10_000, 0)}
"""Streams, events of each, milliseconds between them."""

Reader = Callable[[str, int], Awaitable[list[int]]]


async def read_ours(transport: object, url: str, streams: int) -> list[int]:
    from streamactions.client import open_event_stream

    async def read() -> int:
        count = 0
        async with open_event_stream("POST", url, json={}, end="[DONE]", client=transport) as stream:
            async for value in stream.values():
                count += len(value["choices"])
        return count

    return await asyncio.gather(*(read() for _ in range(streams)))


async def ours_hyper(url: str, streams: int) -> list[int]:
    from streamactions.client import HyperTransport

    return await read_ours(HyperTransport(), url, streams)


async def ours_aiohttp(url: str, streams: int) -> list[int]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await read_ours(session, url, streams)


async def aiohttp_bytes(url: str, streams: int) -> list[int]:
    import aiohttp

    async def read(session: aiohttp.ClientSession) -> int:
        size = 0
        async with session.post(url, json={}) as response:
            async for data in response.content.iter_any():
                size += len(data)
        # An event may be cut by a read, so they are counted by their size.
        return (size - len(DONE)) // len(EVENT)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(read(session) for _ in range(streams)))


async def with_httpx_sse(url: str, streams: int) -> list[int]:
    import httpx
    import httpx_sse

    async def read(client: httpx.AsyncClient) -> int:
        count = 0
        async with httpx_sse.aconnect_sse(client, "POST", url, json={}) as source:
            async for event in source.aiter_sse():
                if event.data != "[DONE]":
                    count += len(json.loads(event.data)["choices"])
        return count

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=None) as client:
        return await asyncio.gather(*(read(client) for _ in range(streams)))


async def with_openai(url: str, streams: int) -> list[int]:
    import openai

    base, query = url.split("?")
    events, interval_ms = (part.split("=")[1] for part in query.split("&"))
    extra = {"events": events, "interval_ms": interval_ms}

    async def read(client: openai.AsyncOpenAI) -> int:
        count = 0
        stream = await client.chat.completions.create(model="m", messages=[], stream=True, extra_query=extra)
        async for chunk in stream:
            count += len(chunk.choices)
        return count

    async with openai.AsyncOpenAI(base_url=base, api_key="k", timeout=None, max_retries=0) as client:
        return await asyncio.gather(*(read(client) for _ in range(streams)))


READERS: Final[dict[str, Reader]] = {
    "ours (hyper)": ours_hyper,
    "ours (aiohttp)": ours_aiohttp,
    "aiohttp bytes": aiohttp_bytes,
    "httpx-sse": with_httpx_sse,
    "openai": with_openai,
}


def read_once(name: str, url: str, streams: int, events: int) -> None:
    """Runs in a process of its own: one reader, one warm-up stream, then all; prints its CPU per event."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    async def main() -> float:
        base = url.split("?")[0]
        await READERS[name](f"{base}?events=10&interval_ms=0", 1)
        before = resource.getrusage(resource.RUSAGE_SELF)
        counts = await READERS[name](url, streams)
        after = resource.getrusage(resource.RUSAGE_SELF)
        if counts != [events] * streams:
            sys.exit(f"{name} had {sum(counts)} events of {streams * events}")
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / sum(counts)

    print(uvloop.run(main()) * 1e6)


def start_upstream() -> tuple[subprocess.Popen[str], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    upstream = subprocess.Popen(
        [sys.executable, HERE / "client_upstream.py", str(port)], stdout=subprocess.PIPE, text=True
    )
    assert upstream.stdout is not None
    upstream.stdout.readline()
    return upstream, f"http://127.0.0.1:{port}/v1"


def measure(name: str, url: str, streams: int, events: int) -> float:
    command = [sys.executable, __file__, "--one", name, url, str(streams), str(events)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print microseconds of CPU an event for each reader and shape, and how it compares to raw aiohttp."""
    parser = argparse.ArgumentParser(description="Readers side by side; CPU per event.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, one round")
    parser.add_argument("--only", nargs="*", default=list(READERS), help="the readers to run")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, url, streams, events = arguments.one
        read_once(name, url, int(streams), int(events))
        return
    if build_info()["profile"] != "release":
        sys.exit("this is a debug build of the extension: build it with 'maturin develop --release'")
    upstream, base = start_upstream()
    try:
        for shape, (streams, all_events, interval_ms) in SHAPES.items():
            events = all_events // 10 if arguments.quick else all_events
            url = f"{base}?events={events}&interval_ms={interval_ms}"
            spent: dict[str, list[float]] = {name: [] for name in arguments.only}
            started_s = time.monotonic()
            for _ in range(1 if arguments.quick else ROUNDS):
                for name, costs in spent.items():
                    costs.append(measure(name, url, streams, events))
            took_s = time.monotonic() - started_s
            print(f"{shape}: {streams} streams of {events} events, {interval_ms} ms apart ({took_s:.0f} s)")
            raw = statistics.median(spent["aiohttp bytes"]) if "aiohttp bytes" in spent else None
            for name, costs in spent.items():
                cost = statistics.median(costs)
                ratio = "" if raw is None else f"{cost / raw:8.2f} of aiohttp bytes"
                print(f"  {name:16}{cost:8.2f} us an event{ratio}   {[round(value, 2) for value in costs]}")
    finally:
        upstream.kill()
        upstream.wait()


if __name__ == "__main__":
    main()
