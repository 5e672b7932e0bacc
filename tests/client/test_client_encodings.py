"""A body that is compressed is refused by name, and never inflated: with every client, at every place."""

import gzip
import tracemalloc
import zlib
from typing import Any, Final

import pytest
from client_runner import run
from fake_transport import DONE, FakeResponse, FakeTransport, chunk
from real_clients import every_client, open_client
from scripted_server import LAST_PIECE, Connection, piece, scripted_server

from streamactions import ActionError
from streamactions.client import open_event_stream, use_stream_action

EVENTS: Final = b'data: {"n":1}\n\n' + DONE
# What a library that decodes makes of it: 64 MiB.
INFLATED: Final = gzip.compress(bytes(64 << 20), 9)
BOMBS: Final = [(b"gzip", INFLATED), (b"gzip, gzip", gzip.compress(INFLATED, 9))]
MAX_HELD_BYTES: Final = 8 << 20


def head(*fields: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"content-type: text/event-stream", *fields, b"connection: close"]
    return b"\r\n".join([*lines, b"", b""])


async def read_all(url: str, client: object) -> list[Any]:
    async with open_event_stream("GET", url, client=client) as stream:
        values = [value async for value in stream.values()]
        assert stream.complete
        return values


async def call_action(url: str, client: object) -> list[Any]:
    handle = use_stream_action(url, client=client)
    return [chunk async for chunk in handle.stream()]


def fails_with(kind: str, answer: bytes, read: Any = read_all) -> ActionError:
    caught: list[ActionError] = []

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(answer)

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            with pytest.raises(ActionError) as raised:
                await read(url, client)
            caught.append(raised.value)

    run(main)
    return caught[0]


@every_client
@pytest.mark.parametrize("read", [read_all, call_action])
@pytest.mark.parametrize(
    ("name", "encode"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", bytes)],
)
def test_a_compressed_stream_is_refused_by_name(kind: str, read: Any, name: str, encode: Any) -> None:
    body = encode(EVENTS)
    encoding = b"content-encoding: " + name.encode()
    length = b"content-length: %d" % len(body)
    error = fails_with(kind, head(encoding, length) + body, read)
    assert error.code == "NOT_AN_EVENT_STREAM"
    assert f"content-encoding '{name}'" in error.message
    assert "compress" in error.message


@every_client
@pytest.mark.parametrize(
    "fields",
    [
        [b"content-encoding: identity, GZIP"],
        [b"Content-Encoding: identity", b"content-encoding: gzip"],
        [b"content-encoding: gzip, gzip"],
    ],
)
def test_no_list_of_encodings_hides_one(kind: str, fields: list[bytes]) -> None:
    error = fails_with(kind, head(*fields) + gzip.compress(EVENTS))
    assert error.code == "NOT_AN_EVENT_STREAM"
    assert "gzip" in error.message.lower()


@every_client
@pytest.mark.parametrize("fields", [[b"content-encoding: identity"], [b"content-encoding:"], []])
def test_a_body_that_is_not_encoded_is_read(kind: str, fields: list[bytes]) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(head(*fields) + b"data: 1\n\n")

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            assert await read_all(url, client) == [1]

    run(main)


@every_client
def test_a_compressed_transfer_never_ends_as_a_complete_stream(kind: str) -> None:
    """``Transfer-Encoding: gzip`` needs a ``TE`` that nobody sends (RFC 9112, section 6.1)."""
    body = piece(gzip.compress(EVENTS)) + LAST_PIECE
    error = fails_with(kind, head(b"transfer-encoding: gzip, chunked") + body)
    assert error.code in {"NOT_AN_EVENT_STREAM", "CONNECTION_ERROR"}


@every_client
@pytest.mark.parametrize("status", [b"200 OK", b"503 Service Unavailable"])
@pytest.mark.parametrize(("encodings", "bomb"), BOMBS, ids=["once", "twice"])
def test_a_bomb_is_not_inflated(kind: str, status: bytes, encodings: bytes, bomb: bytes) -> None:
    fields = (b"content-encoding: " + encodings, b"content-length: %d" % len(bomb))
    tracemalloc.start()
    try:
        error = fails_with(kind, head(*fields, status=status) + bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < MAX_HELD_BYTES
    assert error.code == ("NOT_AN_EVENT_STREAM" if status.startswith(b"200") else "HTTP_ERROR")
    assert "gzip" in error.message


def test_a_transport_of_ones_own_is_held_to_the_same() -> None:
    async def main() -> None:
        for read in (read_all, call_action):
            answer = FakeResponse(EVENTS, headers={"content-encoding": "br"})
            with pytest.raises(ActionError, match="content-encoding 'br'"):
                await read("http://test/", FakeTransport(answer))
            assert answer.closed.is_set()

    run(main)


@every_client
@pytest.mark.parametrize(
    "body", [b"", b"\n\n", b": keep-alive\n\n", b"retry: 1\n\nid: 1\n\nevent: x\n\n", b"\x1f\x8b\n"]
)
def test_a_stream_without_an_event_is_not_complete(kind: str, body: bytes) -> None:
    error = fails_with(kind, head() + body)
    assert error.code == "STREAM_INCOMPLETE"


def test_a_stream_without_an_event_stays_incomplete() -> None:
    async def main() -> None:
        async with open_event_stream("GET", "http://test/", client=FakeTransport(FakeResponse())) as stream:
            for _ in range(2):
                with pytest.raises(ActionError, match="STREAM_INCOMPLETE"):
                    await anext(aiter(stream))
                assert not stream.complete

    run(main)


def test_a_loop_that_goes_on_after_the_last_event_ends_complete() -> None:
    async def main() -> None:
        transport = FakeTransport(FakeResponse(chunk(1)))
        async with open_event_stream("GET", "http://test/", client=transport) as stream:
            async for _ in stream.values():
                break
            assert [value async for value in stream.values()] == []
            assert stream.complete

    run(main)
