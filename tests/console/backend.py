"""The actions that the console's tests call, each for one thing that the page has to show.

What waits, waits for another call (``open-gate``) and never for a time.
"""

import asyncio
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from streamactions import Stream, StreamActions, create_action_error, define_stream_action

HOSTILE = [
    "<img src=x onerror=\"window.pwned='img'\">",
    "</script><script>window.pwned='script'</script>",
    "<svg onload=\"window.pwned='svg'\">",
    "javascript:window.pwned='url'",
    "'\"><iframe srcdoc=\"<script>parent.pwned='frame'</script>\">",
    "{{constructor.constructor('window.pwned=1')()}}",
    "\u202egnp.exe \u0000 \u2028",
]


class Address(BaseModel):
    """Where somebody lives."""

    street: str = Field(min_length=3)
    zip_code: str = Field(pattern="^[0-9]{5}$")


class Order(BaseModel):
    """One field of every kind."""

    name: str = Field(min_length=2, max_length=40, description="Who orders.")
    note: str | None = None
    count: int = Field(ge=1, le=99)
    price: float = Field(default=2.5, gt=0)
    express: bool = False
    colour: Literal["red", "green", "blue"] = "green"
    tags: list[Annotated[str, Field(min_length=2)]] = Field(min_length=1)
    address: Address
    extra: dict[str, Any] | list[int] = Field(default_factory=dict)


class Chat(BaseModel):
    """What a client sends."""

    prompt: str = Field(min_length=1, max_length=2000, examples=["Tell me a story about a lighthouse."])


class Token(BaseModel):
    """One chunk."""

    text: str


STORY = (
    "The lighthouse on the northern cape had not been lit for forty years when the letters began to "
    "arrive. They came on Tuesdays, in grey envelopes, and each of them held a single line: the name of "
    "a ship, and the hour at which it would pass. Mara, who kept the post office and little else, pinned "
    "them above her desk. On the ninth Tuesday she took the key from its hook, climbed the two hundred "
    "and six steps, and found that the lamp was already warm."
)

gates: dict[str, asyncio.Event] = {}


def gate(name: str) -> asyncio.Event:
    """The gate of that name, shut when it is first asked for."""
    return gates.setdefault(name, asyncio.Event())


@define_stream_action(input=Chat, output=Token)
async def story(input: Chat, stream: Stream) -> None:
    """Tells a story word by word.

    The prompt is not read.
    """
    for index, word in enumerate(STORY.split()):
        await asyncio.sleep(0.6 if index == 40 else 0.012 + 0.02 * (index * 7 % 5))
        await stream.send(Token(text=word + " "))


@define_stream_action(input=Order)
async def order(input: Order, stream: Stream) -> None:
    """Sends its input back, validated."""
    await stream.send(input.model_dump())


@define_stream_action
async def hostile(input: Any, stream: Stream) -> None:
    """<b onclick="window.pwned='doc'">Streams</b> what a page must not believe. </script>"""
    for text in HOSTILE:
        await stream.send({"text": text, text: [text]})
    raise create_action_error(f"X{HOSTILE[0]}", HOSTILE[1], 418, {HOSTILE[2]: [HOSTILE[0]]})


class Hostile(BaseModel):
    """<img src=x onerror="window.pwned='schema'">"""

    field: str = Field(default=HOSTILE[0], title=HOSTILE[1], description=HOSTILE[2])
    choice: Literal["<b>1</b>", "</option><script>window.pwned=2</script>"] = "<b>1</b>"


@define_stream_action(input=Hostile)
async def hostile_schema(input: Hostile, stream: Stream) -> None:
    """Has a hostile schema."""
    await stream.send(input.field)


class Gated(BaseModel):
    """Which gate to wait at."""

    gate: str


@define_stream_action(input=Gated)
async def wait_at_gate(input: Gated, stream: Stream) -> None:
    """Sends one chunk, waits for its gate, and sends another; says when it was stopped."""
    await stream.send({"text": "before "})
    try:
        await gate(input.gate).wait()
    except asyncio.CancelledError:
        gate(f"{input.gate} left").set()
        raise
    await stream.send({"text": "behind"})


@define_stream_action(input=Gated)
async def open_gate(input: Gated, stream: Stream) -> None:
    """Opens a gate."""
    gate(input.gate).set()
    await stream.send("open")


@define_stream_action(input=Gated)
async def wait_until_left(input: Gated, stream: Stream) -> None:
    """Waits until the client of a gated call has left."""
    await gate(f"{input.gate} left").wait()
    await stream.send("left")


class Burst(BaseModel):
    """How much."""

    count: int = 5000


@define_stream_action(input=Burst)
async def burst(input: Burst, stream: Stream) -> None:
    """Sends as fast as it can."""
    for number in range(1, input.count + 1):
        await stream.send({"number": number})


@define_stream_action
async def progress(stream: Stream) -> None:
    """Says how far it is."""
    for percent in (25, 50, 75, 100):
        await stream.send({"progress": percent, "fileName": f"part-{percent}.bin"})


class Query(BaseModel):
    """What a GET reads from its query."""

    words: str = "a b&c='d'"
    limit: int = 3


@define_stream_action(input=Query, method="GET")
async def search(input: Query, stream: Stream) -> None:
    """Reads its input from the query string."""
    await stream.send(input.model_dump())


@define_stream_action(name="fails", metadata={"secret": "metadata stays here"})
async def failing(stream: Stream) -> None:
    """Fails after one chunk."""
    await stream.send({"text": "so far"})
    raise RuntimeError("an inner detail")


@define_stream_action
async def whoami(stream: Stream, event: Request) -> None:
    """Says which header came."""
    await stream.send({"text": event.headers.get("authorization", "nobody")})


@define_stream_action
async def echo(input: Any, stream: Stream) -> None:
    """Sends any JSON back."""
    await stream.send(input)


@define_stream_action(dialect="nuxt-actions")
async def other_dialect(input: Any, stream: Stream) -> None:
    """Speaks another dialect."""
    await stream.send({"text": "bonjour"})


app = StreamActions(
    [
        story,
        order,
        progress,
        search,
        burst,
        failing,
        other_dialect,
        wait_at_gate,
        open_gate,
        wait_until_left,
        whoami,
        echo,
        hostile,
        hostile_schema,
    ],
    console=True,
)
