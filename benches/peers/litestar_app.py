"""Litestar's ServerSentEvent."""

from litestar import Litestar, post
from litestar.response import ServerSentEvent
from scenario import Scenario, texts


@post("/", status_code=200)
async def chat(data: Scenario) -> ServerSentEvent:
    return ServerSentEvent(texts(data))


app = Litestar([chat], openapi_config=None)
