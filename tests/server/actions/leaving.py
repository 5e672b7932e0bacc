"""Actions whose clients leave while their handlers are at work, each in another way.

Each sends one chunk and then works without end, unless its purpose says otherwise.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request

from server.actions.journal import journal
from streamactions import Stream, create_action_error, define_middleware, define_stream_action


def compute(seconds: float) -> None:
    """Keep the event loop from turning."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        pass


@define_stream_action
async def waits(input: dict[str, str], stream: Stream) -> None:
    """Wait for something else."""
    with journal.follow(input["run"], stream):
        await stream.send(0)
        await asyncio.get_running_loop().create_future()


@define_stream_action
async def waits_first(input: dict[str, str], stream: Stream) -> None:
    """Wait before the first chunk."""
    with journal.follow(input["run"], stream):
        await asyncio.get_running_loop().create_future()


@define_stream_action
async def sends_at_a_pace(input: dict[str, str], stream: Stream) -> None:
    """Send every 10 ms."""
    with journal.follow(input["run"], stream):
        while True:
            await stream.send(0)
            await asyncio.sleep(0.01)


@define_stream_action
async def sends_without_pause(input: dict[str, str], stream: Stream) -> None:
    """Await nothing but ``send``."""
    with journal.follow(input["run"], stream):
        while True:
            await stream.send(0)


@define_stream_action
async def computes(input: dict[str, str], stream: Stream) -> None:
    """Compute 10 ms for each token, and await nothing but ``send``."""
    with journal.follow(input["run"], stream):
        while True:
            await stream.send(0)
            compute(0.01)


@define_stream_action
async def generates_at_a_pace(input: dict[str, str], stream: Stream) -> AsyncIterator[int]:
    """Yield every 10 ms."""
    with journal.follow(input["run"], stream):
        while True:
            yield 0
            await asyncio.sleep(0.01)


@define_stream_action
async def generates_without_pause(input: dict[str, str], stream: Stream) -> AsyncIterator[int]:
    """Yield, and await nothing."""
    try:
        journal.note(input["run"], "started")
        while True:
            yield 0
    finally:
        # The cancellation may arrive while the generator is suspended in its yield.
        journal.note(input["run"], "cancelled")


@define_stream_action
async def fails_afterwards(input: dict[str, str], stream: Stream) -> None:
    """Fail while it is cancelled."""
    with journal.follow(input["run"], stream):
        await stream.send(0)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise RuntimeError(f"secret {input['run']}")


@define_stream_action
async def refuses_afterwards(input: dict[str, str], stream: Stream) -> None:
    """Raise an error that was meant for the client."""
    with journal.follow(input["run"], stream):
        await stream.send(0)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise create_action_error("LATE", f"secret {input['run']}")


@define_stream_action
async def cleans_up(input: dict[str, str], stream: Stream) -> None:
    """Await something else while it is cancelled, and try to send."""
    run = input["run"]
    with journal.follow(run, stream):
        await stream.send(0)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0.01)
            try:
                await stream.send("nobody reads this")
            except Exception as error:
                journal.note(run, "refused", error=type(error).__name__)
            journal.note(run, "clean")


async def go_on(input: dict[str, str], stream: Stream, event: Request) -> None:
    """Run to the end, reader or not."""
    run = input["run"]
    with journal.follow(run, stream):
        await stream.send({"gone": await event.is_disconnected(), "closed": stream.closed})
        await stream.wait_closed()
        for i in range(1000):
            await stream.send(i)
        journal.note(run, "left", gone=await event.is_disconnected(), closed=stream.closed)
        await stream.close()
        if "fail" in input:
            raise RuntimeError(f"secret {run}")


goes_on = define_stream_action(go_on, name="goes-on", on_disconnect="continue")


@define_stream_action(on_disconnect="continue")
async def goes_on_without_pause(input: dict[str, str], stream: Stream) -> None:
    """Send far more than fits anywhere, to whoever is there."""
    with journal.follow(input["run"], stream):
        for i in range(30_000):
            await stream.send([i, "x" * 1000])


@define_middleware
async def slow(event: Request, next: Any) -> Any:
    """Take its time before it lets the call pass."""
    run = (await event.json())["run"]
    journal.note(run, "middleware")
    try:
        await journal.wait(run, "go")
    except asyncio.CancelledError:
        journal.note(run, "cancelled")
        raise
    return await next()


async def follow(input: dict[str, str], stream: Stream) -> None:
    """Note that the handler ran."""
    with journal.follow(input["run"], stream):
        await stream.send(0)


slow_middleware = define_stream_action(follow, name="slow-middleware", middleware=[slow])
slow_middleware_goes_on = define_stream_action(
    follow, name="slow-middleware-goes-on", middleware=[slow], on_disconnect="continue"
)
