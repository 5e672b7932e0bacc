"""What the server serves during a soak: numbered chunks in several ways, and what a worker holds.

It is loaded as ``soak.app:app`` from the folder of the tests. ``SOAK_JOURNAL`` names the file that
`carry_on` writes to.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from soak.chunks import MAX_CHUNKS, make_chunk
from soak.holdings import hold_own
from streamactions import Stream, StreamActions, create_action_error, define_stream_action
from streamactions.client import HyperTransport, open_event_stream

__all__ = ["app"]

upstream = HyperTransport()
"""The connections of this worker's relays, which are kept from call to call."""


class Numbers(BaseModel):
    """How many chunks, how fast, how large."""

    run: int
    chunks: int = Field(ge=0, le=MAX_CHUNKS)
    pause_s: float = 0.0
    pad_bytes: int = Field(default=0, le=65_536)


class Relayed(Numbers):
    """The same, and where to read them."""

    url: str


async def send_numbers(input: Numbers, stream: Stream) -> None:
    for number in range(input.chunks):
        await stream.send(make_chunk(input.run, number, os.getpid(), input.pad_bytes))
        if input.pause_s:
            await asyncio.sleep(input.pause_s)


@define_stream_action(input=Numbers)
async def numbers(input: Numbers, stream: Stream) -> None:
    await send_numbers(input, stream)


@define_stream_action(input=Numbers, method="GET")
async def numbers_by_get(input: Numbers, stream: Stream) -> None:
    await send_numbers(input, stream)


@define_stream_action(input=Numbers)
async def yielded(input: Numbers) -> AsyncIterator[dict[str, Any]]:
    for number in range(input.chunks):
        yield make_chunk(input.run, number, os.getpid(), input.pad_bytes)
        if input.pause_s:
            await asyncio.sleep(input.pause_s)


@define_stream_action(input=Numbers)
async def failing(input: Numbers, stream: Stream) -> None:
    await send_numbers(input, stream)
    raise create_action_error("SOAK_FAILED", "It fails after its chunks", 503)


def write_journal(run: int, end: str) -> None:
    """Say how the handler of a call has ended, where the soak reads it."""
    with Path(os.environ["SOAK_JOURNAL"]).open("a") as journal:
        journal.write(f"{run} {end}\n")


@define_stream_action(input=Numbers, on_disconnect="continue")
async def carry_on(input: Numbers, stream: Stream) -> None:
    end = "cut"
    try:
        await send_numbers(input, stream)
        end = "whole"
    finally:
        write_journal(input.run, end)


@define_stream_action(input=Numbers)
async def silent(input: Numbers, stream: Stream) -> None:
    await send_numbers(input, stream)
    # Nothing but its reader's leaving ends it, and no send tells it of that.
    await asyncio.Event().wait()


@define_stream_action(input=Relayed)
async def relay(input: Relayed, stream: Stream) -> None:
    request = input.model_dump(exclude={"url"})

    def pass_on(chunk: dict[str, Any]) -> dict[str, Any] | None:
        # The last value is that of the event that ends the stream.
        return {**chunk, "via": os.getpid()} if chunk else None

    async with open_event_stream(
        "POST", f"{input.url}/numbers", json=request, end_event="done", client=upstream
    ) as answer:
        await stream.send_each(answer.values(), pass_on)


@define_stream_action
async def state(stream: Stream) -> None:
    """What this worker holds, this call included."""
    await upstream.aclose()
    [held] = await hold_own()
    await stream.send(asdict(held))


app = StreamActions([numbers, numbers_by_get, yielded, failing, carry_on, silent, relay, state])
