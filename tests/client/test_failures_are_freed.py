"""A stream that fails, in whatever way, keeps nothing of those who read it."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any, Final

import pytest
from client_runner import run
from real_clients import every_client, open_client
from scripted_server import CHUNKED_HEAD, LAST_PIECE, Connection, length_head, piece, scripted_server

from streamactions import ActionError, use_stream_action
from streamactions.client import EventStream, open_event_stream


class Marker:
    """Lives as long as the frame that holds it."""


ONE: Final = piece(b"data: 1\n\n")

FAILURES: Final[dict[str, tuple[bytes, dict[str, Any], str]]] = {
    "cut by framing": (length_head(100) + b"data: 1\n\n", {}, "STREAM_INCOMPLETE"),
    "cut within an event": (CHUNKED_HEAD + ONE + piece(b"data: 2") + LAST_PIECE, {}, "STREAM_INCOMPLETE"),
    "reset": (CHUNKED_HEAD + ONE, {}, "STREAM_INCOMPLETE"),
    "idle timeout": (CHUNKED_HEAD + ONE, {"idle_timeout_s": 0.05}, "TIMEOUT_ERROR"),
    "total timeout": (CHUNKED_HEAD + ONE, {"timeout": 0.1}, "TIMEOUT_ERROR"),
    "first event timeout": (CHUNKED_HEAD, {"first_event_timeout_s": 0.1}, "TIMEOUT_ERROR"),
    "missing end": (CHUNKED_HEAD + ONE + LAST_PIECE, {"end": "[DONE]"}, "STREAM_INCOMPLETE"),
    "too large": (
        CHUNKED_HEAD + ONE + piece(b"data: " + 100 * b"x") + LAST_PIECE,
        {"max_event_bytes": 50},
        "EVENT_TOO_LARGE",
    ),
    "not JSON": (CHUNKED_HEAD + ONE + piece(b"data: {\n\n") + LAST_PIECE, {}, "INVALID_CHUNK"),
}


def script_of(failure: str, answer: bytes) -> Callable[[Connection], Any]:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(answer)
        if failure == "reset":
            connection.reset()
        elif "timeout" in failure:
            await connection.wait_left()

    return script


@every_client
@pytest.mark.parametrize("failure", FAILURES)
def test_a_stream_that_fails_keeps_no_locals_of_its_readers(kind: str, failure: str) -> None:
    answer, options, code = FAILURES[failure]

    async def read(url: str, client: Any) -> "weakref.ref[Marker]":
        marker = Marker()
        with pytest.raises(ActionError) as caught:
            async with open_event_stream("GET", url, client=client, **options) as stream:
                await _read_on(stream, marker)
        assert caught.value.code == code
        # A second step fails again, by an exception of its own, except where only one event was bad.
        with pytest.raises((ActionError, StopAsyncIteration)) as again:
            await anext(stream.values())
        assert again.value is not caught.value
        return weakref.ref(marker)

    async def main() -> None:
        async with scripted_server(script_of(failure, answer)) as url, open_client(kind) as client:
            reference = await read(url, client)
            gc.collect()
            assert reference() is None

    run(main)


async def _read_on(stream: EventStream, marker: Marker) -> None:
    async for _ in stream.values():
        pass


@pytest.mark.parametrize(
    "failure", [name for name in FAILURES if name not in ("missing end", "first event timeout")]
)
def test_a_call_that_fails_keeps_no_locals_of_its_caller(failure: str) -> None:
    answer, options, code = FAILURES[failure]

    async def read(url: str) -> "weakref.ref[Marker]":
        marker = Marker()
        with pytest.raises(ActionError) as caught:
            await _stream(url, options, marker)
        assert caught.value.code == code
        return weakref.ref(marker)

    async def main() -> None:
        async with scripted_server(script_of(failure, answer)) as url:
            reference = await read(url)
            # A task keeps what has cancelled a wait of it until it waits again.
            await asyncio.sleep(0)
            gc.collect()
            assert reference() is None

    run(main)


async def _stream(url: str, options: dict[str, Any], marker: Marker) -> None:
    async for _ in use_stream_action(url, **options).stream():
        pass


def test_a_stream_that_was_interrupted_keeps_no_locals_of_its_readers() -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + ONE)
        await connection.wait_left()

    async def read(url: str) -> "weakref.ref[Marker]":
        marker = Marker()
        error = ActionError("STOPPED", "enough", 499, {"a": ["b"]})
        async with open_event_stream("GET", url) as stream:
            asyncio.get_running_loop().call_later(0.05, stream._reader.interrupt, error)
            for _ in range(2):
                with pytest.raises(ActionError) as caught:
                    await _read_on(stream, marker)
                assert caught.value is not error
                assert repr(caught.value) == repr(error)
        assert error.__traceback__ is None
        return weakref.ref(marker)

    async def main() -> None:
        async with scripted_server(script) as url:
            reference = await read(url)
            gc.collect()
            assert reference() is None

    run(main)
