"""Actions that send more than their readers take, and those that must not suffer from it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from itertools import count
from pathlib import Path
from typing import Any, Final

from server.actions.journal import journal
from server.actions.leaving import compute
from streamactions import Stream, define_stream_action

CHUNK: Final = "x" * 1000
FLOOD_CHUNKS: Final = 30_000
"""30 MB: more than the socket buffers of both ends hold."""

_HANDSHAKE_BOUND_S: Final = 10.0

_sent: dict[str, int] = {}
_max_buffered_bytes: dict[str, int] = {}


async def _flood(run: str, stream: Stream, numbers: Iterable[int]) -> None:
    _max_buffered_bytes[run] = 0
    with journal.follow(run, stream):
        for i in numbers:
            await stream.send([i, CHUNK])
            _sent[run] = i + 1
            _max_buffered_bytes[run] = max(_max_buffered_bytes[run], stream.buffered_bytes)


@define_stream_action
async def flood(input: dict[str, str], stream: Stream) -> None:
    """Send as fast as ``send`` allows."""
    await _flood(input["run"], stream, range(FLOOD_CHUNKS))


@define_stream_action
async def flood_each(input: dict[str, str], stream: Stream) -> None:
    """The same by ``send_each``."""
    run = input["run"]
    _max_buffered_bytes[run] = 0

    async def chunks() -> AsyncIterator[list[Any]]:
        for i in range(FLOOD_CHUNKS):
            _max_buffered_bytes[run] = max(_max_buffered_bytes[run], stream.buffered_bytes)
            yield [i, CHUNK]
            _sent[run] = i + 1

    with journal.follow(run, stream):
        await stream.send_each(chunks())


@define_stream_action
async def flood_for_ever(input: dict[str, str], stream: Stream) -> None:
    """The same without an end, for readers that leave: a server takes what is sent until it has noticed."""
    await _flood(input["run"], stream, count())


@define_stream_action
async def sent(input: dict[str, str]) -> AsyncIterator[dict[str, int]]:
    """How far a flood has come."""
    run = input["run"]
    yield {"chunks": _sent.get(run, 0), "max_buffered_bytes": _max_buffered_bytes.get(run, 0)}


@define_stream_action
async def handshake(input: dict[str, Any], stream: Stream) -> None:
    """Send tokens, then compute until their reader has confirmed them by a file; so for each path.

    Where there are several, let the loop turn once after them.
    """
    sent = 0
    for path in input["paths"]:
        compute(input["pause_s"])
        for _ in range(input["tokens"]):
            await stream.send(sent)
            sent += 1
        if input["tokens"] > 1:
            await asyncio.sleep(0)
        bound_s = time.monotonic() + _HANDSHAKE_BOUND_S
        while not Path(path).exists():  # noqa: ASYNC240 - it shall block the loop
            if time.monotonic() > bound_s:
                raise TimeoutError(f"token {sent - 1} was not read while the handler computed")


@define_stream_action
async def numbers(input: dict[str, int], stream: Stream) -> None:
    """Count, and say which process counts."""
    for i in range(input["count"]):
        await stream.send({"stream": input["stream"], "i": i, "pid": os.getpid()})
