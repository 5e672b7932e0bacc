"""streamactions: validated input and one dict a chunk; with a middleware; with an output model."""

import time
from asyncio import sleep
from typing import Any

from pydantic import BaseModel
from scenario import Scenario, compute

from streamactions import Stream, StreamActions, define_middleware, define_stream_action


class Token(BaseModel):
    text: str
    i: int


@define_middleware
async def user(event: Any, next: Any) -> Any:
    return await next(ctx={"user": event.headers.get("authorization", "nobody")})


async def send_chunks(input: Scenario, stream: Stream) -> None:
    text, interval_s, busy_s, stamp = input.text, input.interval_s, input.busy_s, input.stamp
    for i in range(input.count):
        chunk: dict[str, str | int] = {"text": text, "i": i}
        if busy_s:
            compute(busy_s)
        if stamp:
            chunk["sent_ns"] = time.monotonic_ns()
        await stream.send(chunk)
        if interval_s:
            await sleep(interval_s)


app = StreamActions(
    [
        define_stream_action(send_chunks, name="chat", input=Scenario),
        define_stream_action(send_chunks, name="chat-middleware", input=Scenario, middleware=[user]),
        define_stream_action(send_chunks, name="chat-output", input=Scenario, output=Token),
    ]
)
