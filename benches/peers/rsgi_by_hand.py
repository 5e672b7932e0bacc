"""RSGI without a framework: Granian's own interface, which knows no backpressure."""

import time
from asyncio import sleep
from typing import Any

import orjson
from scenario import DONE_FRAME, compute

HEADERS = [("content-type", "text/event-stream"), ("cache-control", "no-cache")]


async def app(scope: Any, protocol: Any) -> None:
    asked = orjson.loads(await protocol())
    text, interval_s = asked["text"], asked.get("interval_s")
    busy_s, stamp = asked.get("busy_s"), asked.get("stamp")
    transport = protocol.response_stream(200, HEADERS)
    for i in range(asked["count"]):
        chunk = {"text": text, "i": i}
        if busy_s:
            compute(busy_s)
        if stamp:
            chunk["sent_ns"] = time.monotonic_ns()
        await transport.send_bytes(b"data: " + orjson.dumps(chunk) + b"\n\n")
        if interval_s:
            await sleep(interval_s)
    await transport.send_bytes(DONE_FRAME)
