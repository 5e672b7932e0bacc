"""ASGI without a framework, for Granian and uvicorn: nothing is validated, no client is missed."""

import time
from asyncio import sleep
from typing import Any

import orjson
from scenario import DONE_FRAME, compute

HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = b""
    more_body = True
    while more_body:
        message = await receive()
        body += message.get("body", b"")
        more_body = message.get("more_body", False)
    asked = orjson.loads(body)
    text, interval_s = asked["text"], asked.get("interval_s")
    busy_s, stamp = asked.get("busy_s"), asked.get("stamp")
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    for i in range(asked["count"]):
        chunk = {"text": text, "i": i}
        if busy_s:
            compute(busy_s)
        if stamp:
            chunk["sent_ns"] = time.monotonic_ns()
        frame = b"data: " + orjson.dumps(chunk) + b"\n\n"
        await send({"type": "http.response.body", "body": frame, "more_body": True})
        if interval_s:
            await sleep(interval_s)
    await send({"type": "http.response.body", "body": DONE_FRAME, "more_body": False})
