"""One reader of many streams at once: CPU per event of this process, all its threads.

The plan, as JSON on the standard input, names the reader, the upstream's URL up to ``/v1``, the
request's body, and how many streams of how many events there are. A warm-up goes first. A reader
that had not every event of every stream ends the process.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvloop
from upstream import DONE, make_event

PATH: Final = "/chat/completions"
Reader = Callable[[str, dict[str, Any], int], Awaitable[list[int]]]
"""Takes the upstream's URL, the body and the number of streams; gives the events that each had."""


async def read_ours(transport: object, base_url: str, body: dict[str, Any], streams: int) -> list[int]:
    from streamactions.client import open_event_stream

    async def read() -> int:
        count = 0
        url = base_url + PATH
        async with open_event_stream("POST", url, json=body, end="[DONE]", client=transport) as stream:
            async for value in stream.values():
                count += len(value["choices"])
        return count

    return await asyncio.gather(*(read() for _ in range(streams)))


async def ours_hyper(base_url: str, body: dict[str, Any], streams: int) -> list[int]:
    from streamactions.client import HyperTransport

    return await read_ours(HyperTransport(), base_url, body, streams)


async def ours_aiohttp(base_url: str, body: dict[str, Any], streams: int) -> list[int]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await read_ours(session, base_url, body, streams)


async def aiohttp_bytes(base_url: str, body: dict[str, Any], streams: int) -> list[int]:
    import aiohttp

    async def read(session: aiohttp.ClientSession) -> int:
        size = 0
        async with session.post(base_url + PATH, json=body) as response:
            async for data in response.content.iter_any():
                size += len(data)
        # An event may be cut by a read, so they are counted by their size.
        return (size - len(DONE)) // len(make_event("token"))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(read(session) for _ in range(streams)))


async def with_httpx_sse(base_url: str, body: dict[str, Any], streams: int) -> list[int]:
    import httpx
    import httpx_sse

    async def read(client: httpx.AsyncClient) -> int:
        count = 0
        async with httpx_sse.aconnect_sse(client, "POST", base_url + PATH, json=body) as source:
            async for event in source.aiter_sse():
                if event.data != "[DONE]":
                    count += len(json.loads(event.data)["choices"])
        return count

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=None) as client:
        return await asyncio.gather(*(read(client) for _ in range(streams)))


async def with_openai(base_url: str, body: dict[str, Any], streams: int) -> list[int]:
    import openai

    async def read(client: openai.AsyncOpenAI) -> int:
        count = 0
        messages = body["messages"]
        async for chunk in await client.chat.completions.create(model="none", messages=messages, stream=True):
            count += len(chunk.choices)
        return count

    async with openai.AsyncOpenAI(base_url=base_url, api_key="none", timeout=None, max_retries=0) as client:
        return await asyncio.gather(*(read(client) for _ in range(streams)))


READERS: Final[dict[str, Reader]] = {
    "streamactions-hyper": ours_hyper,
    "streamactions-aiohttp": ours_aiohttp,
    "aiohttp-bytes": aiohttp_bytes,
    "httpx-sse": with_httpx_sse,
    "openai": with_openai,
}


async def main() -> None:
    plan = json.load(sys.stdin)
    reader, streams, events = READERS[plan["reader"]], plan["streams"], plan["events"]
    await reader(plan["base_url"], plan["warm_up"], 1)
    before, start_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    counts = await reader(plan["base_url"], plan["body"], streams)
    after, wall_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - start_s
    if counts != [events] * streams:
        sys.exit(f"{sum(counts)} events of {streams * events}")
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"cpu_us_per_event": spent_s * 1e6 / sum(counts), "wall_s": wall_s}))


if __name__ == "__main__":
    uvloop.run(main())
