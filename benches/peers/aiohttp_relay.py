"""A relay by hand: aiohttp on both sides, each token parsed and sent on."""

import json
import os
import sys

import aiohttp
import orjson
import uvloop
from aiohttp import web

URL = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"


async def relay(request: web.Request) -> web.StreamResponse:
    prompt = orjson.loads(await request.read())["prompt"]
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    body = {"model": "none", "messages": [{"role": "user", "content": prompt}], "stream": True}
    rest = b""
    async with request.app["session"].post(URL, json=body) as upstream:
        async for data in upstream.content.iter_any():
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                if block != b"data: [DONE]":
                    text = orjson.loads(block[6:])["choices"][0]["delta"]["content"]
                    await response.write(b"data: " + json.dumps({"text": text}).encode() + b"\n\n")
    await response.write(b"event: done\ndata: {}\n\n")
    return response


async def main() -> web.Application:
    app = web.Application()
    app["session"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    app.router.add_post("/relay", relay)
    return app


if __name__ == "__main__":
    uvloop.install()
    web.run_app(main(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
