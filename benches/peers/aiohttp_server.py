"""aiohttp's own server, on uvloop, framed by hand: ``python aiohttp_server.py PORT``."""

import sys
import time
from asyncio import sleep

import orjson
import uvloop
from aiohttp import web
from scenario import DONE_FRAME, compute

HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache"}


async def chat(request: web.Request) -> web.StreamResponse:
    asked = orjson.loads(await request.read())
    text, interval_s = asked["text"], asked.get("interval_s")
    busy_s, stamp = asked.get("busy_s"), asked.get("stamp")
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)
    for i in range(asked["count"]):
        chunk = {"text": text, "i": i}
        if busy_s:
            compute(busy_s)
        if stamp:
            chunk["sent_ns"] = time.monotonic_ns()
        await response.write(b"data: " + orjson.dumps(chunk) + b"\n\n")
        if interval_s:
            await sleep(interval_s)
    await response.write(DONE_FRAME)
    await response.write_eof()
    return response


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/", chat)
    port = int(sys.argv[1])
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, backlog=4096, loop=loop)
