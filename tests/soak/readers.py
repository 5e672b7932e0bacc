"""Readers through the package's own client: whole, slow, cancelled, left in the midst."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from random import Random
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from soak.clients import Clients
from soak.reading import End, Reading
from streamactions import ActionError, use_stream_action
from streamactions.client import open_event_stream

__all__ = [
    "Reader",
    "cancelled",
    "events",
    "events_by_get",
    "execute",
    "execute_stopped",
    "failing",
    "leave_carry_on",
    "leave_events",
    "leave_handle",
    "leave_handle_open",
    "leave_relay",
    "leave_silent",
    "relayed",
    "slow",
    "stream",
    "stream_by_get",
    "yielded",
]

Reader: TypeAlias = Callable[[Clients, Reading, Random], Awaitable[None]]
"""Reads one call to its end and writes down how it ended; what it raises is an end as well."""

MAX_CHUNKS_BEFORE_LEAVING: Final = 20

SLOW_PAUSE_S: Final = 0.004
"""The work of a slow reader for each chunk."""


async def _read_handle(
    clients: Clients, reading: Reading, random: Random, action: str, method: str | None = None
) -> None:
    handle = use_stream_action(
        f"{clients.url}/{action}", method=method, client=clients.pick(reading, random), keep_chunks=False
    )
    async for chunk in handle.stream(_input(clients, reading, action)):
        reading.take(chunk)
    # An iteration that ends without an error has to be complete.
    reading.end = End.WHOLE if handle.complete else End.BROKEN


def _input(clients: Clients, reading: Reading, action: str) -> dict[str, Any]:
    return {**reading.request, "url": clients.url} if action == "relay" else reading.request


async def stream(clients: Clients, reading: Reading, random: Random) -> None:
    """``handle.stream()``."""
    await _read_handle(clients, reading, random, "numbers")


async def stream_by_get(clients: Clients, reading: Reading, random: Random) -> None:
    """The same by GET."""
    await _read_handle(clients, reading, random, "numbers-by-get", "GET")


async def yielded(clients: Clients, reading: Reading, random: Random) -> None:
    """A handler that is a generator."""
    await _read_handle(clients, reading, random, "yielded")


async def relayed(clients: Clients, reading: Reading, random: Random) -> None:
    """An action that reads another one of the same server."""
    await _read_handle(clients, reading, random, "relay")


async def failing(clients: Clients, reading: Reading, random: Random) -> None:
    """A handler that fails once it has sent its chunks."""
    await _read_handle(clients, reading, random, "failing")


async def execute(clients: Clients, reading: Reading, random: Random) -> None:
    """``handle.execute()``."""
    handle = use_stream_action(
        f"{clients.url}/numbers", client=clients.pick(reading, random), on_chunk=reading.take
    )
    await handle.execute(reading.request)
    if handle.error is not None:
        raise handle.error
    reading.end = End.WHOLE if handle.complete else End.BROKEN


async def execute_stopped(clients: Clients, reading: Reading, random: Random) -> None:
    """``handle.stop()`` in the midst."""
    leave_at = random.randint(1, MAX_CHUNKS_BEFORE_LEAVING)

    def stop_at_some(chunk: dict[str, Any]) -> None:
        reading.take(chunk)
        if reading.count == leave_at:
            handle.stop()

    handle = use_stream_action(
        f"{clients.url}/numbers",
        client=clients.pick(reading, random),
        on_chunk=stop_at_some,
        keep_chunks=False,
    )
    await handle.execute(reading.request)
    if handle.error is not None:
        raise handle.error
    reading.end = End.BROKEN if handle.complete or reading.count != leave_at else End.LEFT


async def _values(
    clients: Clients, reading: Reading, random: Random, method: str = "POST"
) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of an ``open_event_stream``; says that the call is whole where that is proven."""
    is_get = method == "GET"
    path = f"numbers-by-get?{urlencode(reading.request)}" if is_get else "numbers"
    async with open_event_stream(
        method,
        f"{clients.url}/{path}",
        json=None if is_get else reading.request,
        end_event="done",
        client=clients.pick(reading, random),
    ) as opened:
        async for event in opened:
            if event.event == "error":
                raise ActionError.from_wire(event.json())
            if event.event == "message":
                yield event.json()
        reading.end = End.WHOLE if opened.complete else End.BROKEN


async def events(clients: Clients, reading: Reading, random: Random) -> None:
    """``open_event_stream``."""
    async for chunk in _values(clients, reading, random):
        reading.take(chunk)


async def events_by_get(clients: Clients, reading: Reading, random: Random) -> None:
    """The same by GET."""
    async for chunk in _values(clients, reading, random, "GET"):
        reading.take(chunk)


async def slow(clients: Clients, reading: Reading, random: Random) -> None:
    """A reader that works on each chunk: the server has to wait for it."""
    async for chunk in _values(clients, reading, random):
        reading.take(chunk)
        await asyncio.sleep(SLOW_PAUSE_S)


# --- Leaving -------------------------------------------------------------------------------------


async def leave_handle(clients: Clients, reading: Reading, random: Random) -> None:
    """``break`` out of a handle's stream that is closed at once."""
    await _leave_handle(clients, reading, random, "numbers")


async def leave_carry_on(clients: Clients, reading: Reading, random: Random) -> None:
    """The same where the handler goes on without its reader."""
    await _leave_handle(clients, reading, random, "carry-on")


async def leave_silent(clients: Clients, reading: Reading, random: Random) -> None:
    """The same where the handler has stopped to send, and waits for ever."""
    await _leave_handle(clients, reading, random, "silent")


async def leave_relay(clients: Clients, reading: Reading, random: Random) -> None:
    """The same where the handler has a stream of its own to leave."""
    await _leave_handle(clients, reading, random, "relay")


async def _leave_handle(clients: Clients, reading: Reading, random: Random, action: str) -> None:
    leave_at = min(random.randint(1, MAX_CHUNKS_BEFORE_LEAVING), reading.chunks)
    handle = use_stream_action(
        f"{clients.url}/{action}", client=clients.pick(reading, random), keep_chunks=False
    )
    async with aclosing(handle.stream(_input(clients, reading, action))) as chunks:
        async for chunk in chunks:
            reading.take(chunk)
            if reading.count == leave_at:
                break
    reading.end = End.BROKEN if handle.complete else End.LEFT


async def leave_handle_open(clients: Clients, reading: Reading, random: Random) -> None:
    """``break`` out of a stream that Python closes when it lets go of it."""
    leave_at = random.randint(1, MAX_CHUNKS_BEFORE_LEAVING)
    handle = use_stream_action(
        f"{clients.url}/numbers", client=clients.pick(reading, random), keep_chunks=False
    )
    async for chunk in handle.stream(reading.request):
        reading.take(chunk)
        if reading.count == leave_at:
            break
    reading.end = End.BROKEN if handle.complete else End.LEFT


async def leave_events(clients: Clients, reading: Reading, random: Random) -> None:
    """``break`` out of an ``open_event_stream``."""
    leave_at = random.randint(1, MAX_CHUNKS_BEFORE_LEAVING)
    async with aclosing(_values(clients, reading, random)) as chunks:
        async for chunk in chunks:
            reading.take(chunk)
            if reading.count == leave_at:
                break
    reading.end = End.LEFT


async def cancelled(clients: Clients, reading: Reading, random: Random) -> None:
    """``task.cancel()`` before the head, at the first chunk or in the midst."""
    leave_at = random.randint(0, MAX_CHUNKS_BEFORE_LEAVING)
    is_due = asyncio.Event()

    async def read() -> None:
        async for chunk in _values(clients, reading, random):
            reading.take(chunk)
            if reading.count == leave_at:
                is_due.set()

    task = asyncio.create_task(read())
    if leave_at:
        due = asyncio.create_task(is_due.wait())
        await asyncio.wait((task, due), return_when=asyncio.FIRST_COMPLETED)
        due.cancel()
    else:
        # Anywhere between the connection and the head.
        await asyncio.sleep(random.random() * 0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    reading.end = End.LEFT
