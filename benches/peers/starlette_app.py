"""Starlette's StreamingResponse, framed by hand."""

from collections.abc import AsyncIterator

from scenario import DONE_FRAME, Scenario, texts
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


async def frames(scenario: Scenario) -> AsyncIterator[bytes]:
    async for text in texts(scenario):
        yield f"data: {text}\n\n".encode()
    yield DONE_FRAME


async def chat(request: Request) -> StreamingResponse:
    scenario = Scenario.model_validate_json(await request.body())
    return StreamingResponse(frames(scenario), media_type="text/event-stream")


app = Starlette(routes=[Route("/", chat, methods=["POST"])])
