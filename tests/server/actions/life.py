"""Actions whose handlers close, forget to, or go on; and those that look at their call."""

import asyncio
import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.requests import Request

from server.actions.journal import journal
from streamactions import InvalidChunkError, Stream, StreamClosedError, define_stream_action

SENDERS: Final = 10
SENT_BY_EACH: Final = 200


@define_stream_action
async def forgets_close(stream: Stream) -> None:
    """Return without having closed."""
    await stream.send(1)


@define_stream_action
async def sends_nothing(stream: Stream) -> None:
    """Return at once."""


@define_stream_action
async def closes_twice(stream: Stream) -> None:
    """Close, and close again."""
    await stream.send(stream.closed)
    await stream.close()
    await stream.close()
    assert stream.closed


@define_stream_action
async def sends_after_close(input: dict[str, str], stream: Stream) -> None:
    """Send what nobody will read."""
    with journal.follow(input["run"], stream):
        await stream.send(1)
        await stream.close()
        await stream.send(2)


@define_stream_action
async def works_after_close(input: dict[str, str], stream: Stream) -> None:
    """Go on after the end of the stream."""
    with journal.follow(input["run"], stream):
        await stream.close()
        await stream.wait_closed()
        journal.note(input["run"], "written")
        await journal.wait(input["run"], "go")


@define_stream_action
async def waits_closed(input: dict[str, str], stream: Stream) -> None:
    """Let another task wait for the end."""

    async def wait() -> None:
        await stream.wait_closed()
        journal.note(input["run"], "waited")

    waiting = asyncio.create_task(wait())
    await stream.send(1)
    await stream.close()
    await waiting
    await stream.wait_closed()
    journal.note(input["run"], "waited again")


@define_stream_action
async def generates(input: dict[str, str]) -> AsyncIterator[int]:
    """Yield chunks."""
    for i in range(3):
        yield i


@define_stream_action
async def generates_and_sends(stream: Stream) -> AsyncIterator[str]:
    """Yield and send by turns."""
    yield "yielded"
    await stream.send("sent")
    yield "yielded again"


class Colour(enum.Enum):
    """A chunk's field."""

    RED = "red"


@dataclass
class Point:
    """A chunk."""

    x: int
    y: int


class Aliased(BaseModel):
    """A chunk whose names differ on the wire."""

    file_name: str = Field(serialization_alias="fileName")


@define_stream_action
async def sends_kinds(stream: Stream) -> None:
    """Send whatever JSON can hold."""
    for chunk in (
        None,
        True,
        1.5,
        "text",
        [1, [2]],
        {"a": {"b": None}},
        Point(1, 2),
        Aliased(file_name="a.pdf"),
        {"at": datetime(2026, 1, 2, tzinfo=UTC), "id": UUID(int=1), "colour": Colour.RED},
        {1: "a number as a key"},
        2**70,
    ):
        await stream.send(chunk)


@define_stream_action(output=Aliased)
async def sends_model(stream: Stream) -> None:
    """Send what the output type makes of it."""
    await stream.send({"file_name": "a.pdf", "dropped": True})
    await stream.send(Aliased(file_name="b.pdf"))


@define_stream_action
async def survives_unsendable(stream: Stream) -> None:
    """Go on after a chunk was refused, with nothing of it on the wire."""
    for chunk in ("before", {"text": object()}, b"\xff", "after"):
        try:
            await stream.send(chunk)
        except InvalidChunkError as error:
            await stream.send(type(error).__name__)


@define_stream_action
async def describes_call(event: Request, stream: Stream) -> None:
    """Say what the request shows."""
    await stream.send(
        {
            "header": event.headers["x-header"],
            "cookie": event.cookies["cookie"],
            "client": event.client.host if event.client else None,
            "query": event.query_params["q"],
            "method": event.method,
            "body": await event.json(),
            "gone": await event.is_disconnected(),
        }
    )


@define_stream_action
async def sends_together(stream: Stream) -> None:
    """Send from several tasks at once."""

    async def send(sender: int) -> None:
        for i in range(SENT_BY_EACH):
            await stream.send([sender, i, "x" * 500])

    async with asyncio.TaskGroup() as group:
        for sender in range(SENDERS):
            group.create_task(send(sender))


@define_stream_action
async def closes_beside_a_sender(stream: Stream) -> None:
    """Close while another task is still sending: it is told."""

    async def send() -> str:
        try:
            while True:
                await stream.send("x")
                await asyncio.sleep(0)
        except StreamClosedError:
            return "told"

    sending = asyncio.create_task(send())
    await asyncio.sleep(0.01)
    await stream.close()
    assert await sending == "told"
