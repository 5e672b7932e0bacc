"""Actions that are not async."""

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

from streamactions import Stream, define_stream_action


@define_stream_action
def threaded_send(input: dict[str, int], stream: Stream) -> None:
    """Send from a thread."""
    for number in range(input["count"]):
        stream.send_from_thread({"number": number})


@define_stream_action
def threaded_yield(input: dict[str, int]) -> Iterator[Any]:
    """Yield in a thread."""
    for number in range(input["count"]):
        yield {"number": number}


@define_stream_action
def threaded_send_endless(stream: Stream) -> None:
    """Send without end."""
    for number in count():
        stream.send_from_thread({"number": number, "text": "x" * 1000})


@define_stream_action
def threaded_yield_endless() -> Iterator[Any]:
    """Yield without end."""
    for number in count():
        yield {"number": number, "text": "x" * 1000}


@define_stream_action
async def threaded_helper(input: dict[str, int], stream: Stream) -> None:
    """Let a thread send for an async handler."""
    await asyncio.to_thread(threaded_send.handler, input, stream)
