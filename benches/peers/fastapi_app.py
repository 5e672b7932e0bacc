"""FastAPI's own Server-Sent Events, typed as its documentation shows: the faster of its two ways."""

from collections.abc import AsyncIterable

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse
from scenario import Scenario, chunks

app = FastAPI()


@app.post("/", response_class=EventSourceResponse)
async def chat(scenario: Scenario) -> AsyncIterable[dict[str, str | int]]:
    async for chunk in chunks(scenario):
        yield chunk
