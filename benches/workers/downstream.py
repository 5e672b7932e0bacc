"""Reads many streams of a relay at once, and checks that each of them came whole.

The plan, as JSON on the standard input, names the URL, the request's body, how many streams there are
and how many tokens each has; the report says how long it took. A token is an event that holds
``token``, in whatever a relay wraps it; one more event must say that the stream has ended.
"""

import asyncio
import json
import sys
import time

import aiohttp
import uvloop

from streamactions import SSEDecoder


async def read(session: aiohttp.ClientSession, url: str, body: bytes, tokens: int) -> None:
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    decoder, given, last = SSEDecoder(), 0, ""
    async with session.post(url, data=body, headers=headers) as response:
        if response.status != 200:
            sys.exit(f"{url} answered {response.status}: {await response.text()}")
        async for data in response.content.iter_any():
            for event in decoder.feed(data):
                last = event.data
                given += "token" in last
    if given != tokens or not last or "token" in last:
        sys.exit(f"{url} gave {given} tokens of {tokens}, and last {last!r}")


async def main() -> None:
    plan = json.load(sys.stdin)
    body, start_s = json.dumps(plan["body"]).encode(), time.monotonic()
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        reads = (read(session, plan["url"], body, plan["tokens"]) for _ in range(plan["streams"]))
        await asyncio.gather(*reads)
    print(json.dumps({"wall_s": time.monotonic() - start_s}))


if __name__ == "__main__":
    uvloop.run(main())
