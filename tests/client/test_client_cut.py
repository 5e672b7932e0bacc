"""A body that ends without its end event is never done, wherever and however it is cut."""

import asyncio
import json
from typing import Final

import pytest
from client_runner import run
from fake_transport import DONE, chunk
from real_clients import every_client, open_client
from scripted_server import (
    CHUNKED_HEAD,
    LAST_PIECE,
    UNTIL_CLOSE_HEAD,
    Connection,
    length_head,
    piece,
    scripted_server,
)

from streamactions.client import use_stream_action

LAST_FRAMES: Final = {"standard": DONE, "nuxt-actions": b'data: {"__actions_done":true}\n\n'}

FRAMINGS: Final = ["whole-pieces", "within-piece", "clean-end", "length", "until-close"]


def cut_answer(framing: str, before: bytes, part: bytes, lost: bytes) -> bytes:
    """A response whose body would be all three, and is the first two."""
    if framing == "whole-pieces":
        return CHUNKED_HEAD + piece(before) + (piece(part) if part else b"")
    if framing == "within-piece":
        return CHUNKED_HEAD + piece(before + part + lost).removesuffix(lost + b"\r\n")
    if framing == "clean-end":
        return CHUNKED_HEAD + piece(before + part) + LAST_PIECE
    if framing == "length":
        return length_head(len(before + part + lost)) + before + part
    return UNTIL_CLOSE_HEAD + before + part


@every_client
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("dialect", LAST_FRAMES)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_cut_at_every_byte_of_the_last_frame(kind: str, framing: str, dialect: str, end: str) -> None:
    frame = LAST_FRAMES[dialect]

    async def script(connection: Connection) -> None:
        cut = json.loads((await connection.receive()).body)
        await connection.send(cut_answer(framing, chunk(1), frame[:cut], frame[cut:]))
        if end == "reset":
            connection.reset()

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            for cut in range(len(frame)):
                await handle.execute(cut)
                assert handle.error is not None, f"cut at {cut}: {handle.status}"
                # A reset may overtake what was sent before it, the head included.
                allowed = {"STREAM_INCOMPLETE"} | ({"CONNECTION_ERROR"} if end == "reset" else set())
                assert handle.error.code in allowed
                assert not handle.complete

    run(main)


@every_client
@pytest.mark.parametrize("framing", ["whole-pieces", "within-piece", "length", "until-close"])
def test_a_standard_chunk_that_looks_like_the_other_dialects_end(kind: str, framing: str) -> None:
    """It is a chunk where another event follows, and no end where the connection breaks after it."""
    lookalike = b'data: {"__actions_done":true}\n\n'

    async def main() -> None:
        seen = asyncio.Event()

        async def script(connection: Connection) -> None:
            cut = json.loads((await connection.receive()).body)
            if not cut:
                body = chunk(1) + lookalike + DONE
                await connection.send(length_head(len(body)) + body)
                return
            await connection.send(cut_answer(framing, chunk(1), lookalike, DONE))
            if framing == "until-close":
                # Such a body ends with its connection: only a reset can tell a break from the end.
                await seen.wait()
                connection.reset()

        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            await handle.execute(False)
            assert (handle.status, handle.chunks) == ("done", [{"n": 1}, {"__actions_done": True}])
            handle = use_stream_action(url, client=client, on_chunk=lambda _: seen.set())
            await handle.execute(True)
            assert (handle.status, handle.complete, handle.chunks) == ("error", False, [{"n": 1}])
            assert handle.error is not None
            assert handle.error.code == "STREAM_INCOMPLETE"

    run(main)
