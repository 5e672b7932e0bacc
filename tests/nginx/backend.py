"""An action that sends a chunk only when its reader has confirmed the one before, by another call."""

import asyncio
from collections import defaultdict
from typing import Final

from pydantic import BaseModel

from streamactions import Stream, StreamActions, define_stream_action

CHUNKS: Final = 3


class Call(BaseModel):
    """The name of one test's call."""

    name: str


_confirmed: Final[defaultdict[str, asyncio.Semaphore]] = defaultdict(lambda: asyncio.Semaphore(0))


@define_stream_action(input=Call)
async def handshake(input: Call, stream: Stream) -> None:
    """Send each chunk and wait until it is confirmed."""
    for number in range(CHUNKS):
        await stream.send(number)
        await _confirmed[input.name].acquire()


@define_stream_action(input=Call)
async def confirm(input: Call, stream: Stream) -> None:
    """The reader of that call has its next chunk."""
    _confirmed[input.name].release()
    await stream.close()


app = StreamActions([handshake, confirm])
