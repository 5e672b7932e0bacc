"""Actions that send what they are told, in each dialect, and quietly or busily."""

import asyncio
import time
from typing import Any, Final

from server.actions.journal import journal
from streamactions import Stream, create_action_error, define_stream_action

BODY_TIMEOUT_S: Final = 1.0

KEEP_ALIVE_S: Final = 0.2


async def send_all(input: dict[str, Any], stream: Stream) -> None:
    """Send the given chunks."""
    for chunk in input["chunks"]:
        await stream.send(chunk)


async def refuse_after(input: dict[str, Any], stream: Stream) -> None:
    """Send the given chunks, then raise the given error."""
    for chunk in input.get("chunks", []):
        await stream.send(chunk)
    raise create_action_error(**input["error"])


echo = define_stream_action(send_all, name="echo")
nuxt_echo = define_stream_action(send_all, name="nuxt-echo", dialect="nuxt-actions")
refuse = define_stream_action(refuse_after, name="refuse")
nuxt_refuse = define_stream_action(refuse_after, name="nuxt-refuse", dialect="nuxt-actions")


@define_stream_action(method="GET")
async def greet(input: dict[str, str], stream: Stream) -> None:
    """Input from the query string."""
    await stream.send(input)


@define_stream_action(name="v1/deep_name")
async def deep(stream: Stream) -> None:
    """A name with a path in it."""
    await stream.send("deep")


@define_stream_action(keep_alive_s=KEEP_ALIVE_S)
async def quiet(input: dict[str, Any], stream: Stream) -> None:
    """Say nothing until told to, then two chunks with another silence between them."""
    await journal.wait(input["run"], "go")
    await stream.send("first")
    await journal.wait(input["run"], "go on")
    await stream.send("last")


@define_stream_action(keep_alive_s=KEEP_ALIVE_S)
async def busy(stream: Stream) -> None:
    """Send for five times the keep-alive's pause; the last chunk says how often it was silent so long."""
    silences, started_s = 0, time.monotonic()
    sent_s = started_s
    while sent_s < started_s + 5 * KEEP_ALIVE_S:
        await stream.send("token")
        await asyncio.sleep(KEEP_ALIVE_S / 20)
        now_s = time.monotonic()
        # A machine that is itself busy may make a silence; then a keep-alive is right.
        silences += now_s - sent_s >= KEEP_ALIVE_S
        sent_s = now_s
    await stream.send({"silences": silences})
