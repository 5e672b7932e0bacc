"""Bytes to chunks without I/O: what comes out never depends on how the body was cut."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from fake_transport import DONE, chunk
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from streamactions.client.chunks import ChunkReader

BODIES = {
    "complete": (chunk(1) + b": keep-alive\n\n" + chunk(2) + DONE + chunk(3), [1, 2], None),
    "nuxt-actions": (chunk(1) + b'data: {"__actions_done":true}\n\n', [1], None),
    "nuxt-actions-error": (
        chunk(1) + b'data: {"__actions_error":{"code":"A","message":"m"}}\n\n',
        [1],
        "A",
    ),
    "incomplete": (chunk(1) + chunk(2) + DONE[:-1], [1, 2], "STREAM_INCOMPLETE"),
    "empty": (b"", [], "STREAM_INCOMPLETE"),
    "error": (chunk(1) + b'event: error\ndata: {"code":"A","message":"m"}\n\n' + DONE, [1], "A"),
    "error-after-done": (chunk(1) + DONE + b'event: error\ndata: {"code":"A"}\n\n', [1], None),
    "not-json": (chunk(1) + b"data: {\n\n" + chunk(2) + DONE, [1], "INVALID_CHUNK"),
    "not-the-type": (chunk(1) + b'data: {"n":"x"}\n\n' + chunk(2) + DONE, [1], "INVALID_CHUNK"),
    "lookalike-not-the-type": (
        chunk(1) + b'data: {"__actions_error":{"code":"A"}}\n\n' + DONE,
        [1],
        "INVALID_CHUNK",
    ),
    "too-large": (chunk(1) + b"data: " + b"9" * 101 + b"\n\n" + DONE, [1], "EVENT_TOO_LARGE"),
    "too-large-after-done": (chunk(1) + DONE + b"data: " + b"9" * 101 + b"\n\n", [1], None),
    "unknown-event": (b"event: later\ndata: x\n\n" + chunk(1) + DONE, [1], None),
}


def read(pieces: Iterable[bytes]) -> tuple[list[Any], str | None]:
    """The chunks, and the code of the error or ``None`` where the stream is complete."""
    reader = ChunkReader(dialect=None, output=TypeAdapter(dict[str, int]), max_event_bytes=100)
    chunks: list[Any] = []
    for data in pieces:
        chunks += reader.feed(data)
    if not reader.ended:
        reader.finish()
    assert reader.ended
    assert reader.complete == (reader.error is None)
    return chunks, None if reader.error is None else reader.error.code


@pytest.mark.parametrize("name", BODIES)
def test_whole_byte_by_byte_and_at_every_cut(name: str) -> None:
    body, numbers, code = BODIES[name]
    expected = ([{"n": number} for number in numbers], code)
    assert read([body]) == expected
    assert read(bytes([byte]) for byte in body) == expected
    for cut in range(len(body)):
        assert read([body[:cut], body[cut:]]) == expected


@given(st.lists(st.sampled_from(sorted(BODIES))), st.lists(st.integers(0, 400)))
def test_any_bodies_in_a_row_at_any_cuts(names: list[str], cuts: list[int]) -> None:
    body = b"".join(BODIES[name][0] for name in names)
    ends = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    assert read(body[start:end] for start, end in pairwise(ends)) == read([body])


def test_what_is_told_of_a_wrong_chunk_is_bounded() -> None:
    """The names and the number of its mistakes are the server's choice."""
    mistakes = b",".join([b'""'] * 300_000)
    for body in (b"[%b]" % mistakes, b'{"%b":[%b]}' % (b"k" * 100_000, mistakes)):
        reader = ChunkReader(
            dialect=None, output=TypeAdapter(list[int] | dict[str, list[int]]), max_event_bytes=2_000_000
        )
        assert reader.feed(b"data: " + body + b"\n\n") == []
        assert reader.error is not None
        assert reader.error.code == "INVALID_CHUNK"
        assert len(reader.error.message) < 1000
