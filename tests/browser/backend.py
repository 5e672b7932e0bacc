"""The server of the tests in Chromium: a page, the packages it imports, and actions to stream from.

The same actions are served in both dialects. Everything is of one origin, as on a site.
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from streamactions import Stream, StreamActions, create_action_error, define_stream_action

_FOLDER: Final = Path(__file__).resolve().parent


class Chat(BaseModel):
    """What a person asks."""

    prompt: str = Field(min_length=1, max_length=2000)


@define_stream_action(input=Chat)
async def ai_chat(input: Chat, stream: Stream) -> None:
    """Say the prompt word by word."""
    for word in input.prompt.split():
        await stream.send({"text": word})


class Numbers(BaseModel):
    """How many chunks, how many at once, and how far apart."""

    count: int
    per_tick: int
    tick_s: float


@define_stream_action(input=Numbers)
async def numbers(input: Numbers, stream: Stream) -> None:
    """Count at a steady pace, which a late tick does not slow down."""
    event_loop = asyncio.get_running_loop()
    start_s = event_loop.time()
    for i in range(input.count):
        if i % input.per_tick == 0:
            due_s = start_s + i // input.per_tick * input.tick_s
            await asyncio.sleep(max(0.0, due_s - event_loop.time()))
        await stream.send({"i": i, "text": "token"})


@define_stream_action(input=Chat)
async def fail(input: Chat, stream: Stream) -> None:
    """Fail inside the stream."""
    await stream.send({"text": input.prompt})
    raise create_action_error("RATE_LIMITED", "Too many requests", 429)


class Visit(BaseModel):
    """The name of one test's call."""

    name: str


_left: Final[dict[str, asyncio.Event]] = {}


@define_stream_action(input=Visit)
async def endless(input: Visit, stream: Stream) -> None:
    """Send until the client leaves, and note that it did."""
    try:
        while True:
            await stream.send({"text": "more"})
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        _left.setdefault(input.name, asyncio.Event()).set()
        raise


@define_stream_action(input=Visit)
async def left(input: Visit) -> AsyncGenerator[bool, None]:
    """Wait until the call of that name has seen its client leave."""
    await _left.setdefault(input.name, asyncio.Event()).wait()
    yield True


_ACTIONS: Final = (ai_chat, numbers, fail, endless, left)


async def _page(request: object) -> FileResponse:
    return FileResponse(_FOLDER / "pages" / "index.html")


app = Starlette(
    routes=[
        Route("/", _page),
        Mount("/pages", StaticFiles(directory=_FOLDER / "pages")),
        Mount("/npm", StaticFiles(directory=_FOLDER / "node_modules")),
        Mount("/nuxt", StreamActions(_ACTIONS, dialect="nuxt-actions")),
        Mount("/", StreamActions(_ACTIONS)),
    ]
)
