"""One exchange with the server: a request out, batches of chunks back, every failure as one error type.

Strategy: each read of the body is one batch, so what a chunk costs does not grow with the layers
that it passes.
"""

from collections.abc import AsyncGenerator
from typing import TypeVar

from streamactions.client.call import Call
from streamactions.client.chunks import ChunkReader, stream_incomplete
from streamactions.client.response import StreamOpening, read_tail
from streamactions.client.transport import BodyBrokenError, Request, Transport

__all__ = ["exchange"]

ChunkT = TypeVar("ChunkT")


async def exchange(
    transport: Transport, request: Request, call: Call, reader: ChunkReader[ChunkT]
) -> AsyncGenerator[list[ChunkT], None]:
    """Yield the chunks of each read; return once the server said that the stream is complete.

    Raises:
        ActionError: the stream failed, at any stage.
        CallAbortedError: the call was aborted.
    """
    async with StreamOpening(transport, request, call) as response:
        while True:
            try:
                data = await call.wait(response.read)
            except BodyBrokenError as exc:
                raise stream_incomplete() from exc
            if not data:
                reader.finish()
            elif chunks := reader.feed(data):
                yield chunks
            if reader.error is not None:
                raise reader.error
            if reader.complete:
                break
        if data:
            await read_tail(response)
