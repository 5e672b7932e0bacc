"""sse-starlette's EventSourceResponse."""

from collections.abc import AsyncIterator

from scenario import Scenario, texts
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route


async def events(scenario: Scenario) -> AsyncIterator[dict[str, str]]:
    async for text in texts(scenario):
        yield {"data": text}


async def chat(request: Request) -> EventSourceResponse:
    scenario = Scenario.model_validate_json(await request.body())
    return EventSourceResponse(events(scenario))


app = Starlette(routes=[Route("/", chat, methods=["POST"])])
