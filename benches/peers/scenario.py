"""What every server of the benchmark is asked for, and how it is given.

A request's body says how many chunks to send, with which text, how long to pause after each, how
long to compute before each (a busy loop that awaits nothing), and whether a chunk carries the
server's clock. Servers written by hand spell the loop of ``chunks`` out, as people do who want
the last microsecond; frameworks that take a generator get this one.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import orjson
from pydantic import BaseModel

DONE_FRAME: Final = b"event: done\ndata: {}\n\n"


class Scenario(BaseModel):
    """A request's body."""

    count: int
    text: str
    interval_s: float = 0.0
    busy_s: float = 0.0
    stamp: bool = False


def compute(busy_s: float) -> None:
    """Keep the event loop for so long, as a model that runs in-process does."""
    end_s = time.perf_counter() + busy_s
    while time.perf_counter() < end_s:
        pass


async def chunks(scenario: Scenario) -> AsyncIterator[dict[str, str | int]]:
    """The chunks of a request."""
    for i in range(scenario.count):
        chunk: dict[str, str | int] = {"text": scenario.text, "i": i}
        if scenario.busy_s:
            compute(scenario.busy_s)
        if scenario.stamp:
            chunk["sent_ns"] = time.monotonic_ns()
        yield chunk
        if scenario.interval_s:
            await asyncio.sleep(scenario.interval_s)


async def texts(scenario: Scenario) -> AsyncIterator[str]:
    """The same as JSON, for frameworks that frame text."""
    async for chunk in chunks(scenario):
        yield orjson.dumps(chunk).decode()
