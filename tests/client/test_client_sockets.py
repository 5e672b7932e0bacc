"""What is read from a real TCP server that follows a script, through each HTTP client."""

import asyncio
from typing import Any, Final

import httpx
import pytest
from client_runner import run
from fake_transport import DONE, chunk
from real_clients import every_client, open_client
from scripted_server import (
    CHUNKED_HEAD,
    LAST_PIECE,
    UNTIL_CLOSE_HEAD,
    Connection,
    Received,
    length_head,
    piece,
    scripted_server,
)

from streamactions.client import use_stream_action

STREAMS: Final = {
    "standard": chunk(1) + chunk(2) + DONE,
    "nuxt-actions": chunk(1) + chunk(2) + b'data: {"__actions_done":true}\n\n',
}


@every_client
@pytest.mark.parametrize("dialect", STREAMS)
@pytest.mark.parametrize("framing", ["chunked", "length", "until-close"])
def test_success(kind: str, dialect: str, framing: str) -> None:
    received: list[Received] = []
    body = STREAMS[dialect]
    answer = {
        "chunked": CHUNKED_HEAD
        + b"".join(piece(body[i : i + 7]) for i in range(0, len(body), 7))
        + LAST_PIECE,
        "length": length_head(len(body)) + body,
        "until-close": UNTIL_CLOSE_HEAD + body,
    }[framing]

    async def script(connection: Connection) -> None:
        received.append(await connection.receive())
        await connection.send(answer)

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(
                "/x?y=1", base_url=url, client=client, headers={"Authorization": "Bearer t"}
            )
            await handle.execute({"prompt": "é"})
            assert handle.error is None
            assert (handle.status, handle.complete, handle.chunks) == ("done", True, [{"n": 1}, {"n": 2}])

    run(main)
    (request,) = received
    assert (request.method, request.path, request.body) == ("POST", "/x?y=1", '{"prompt":"é"}'.encode())
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer t"


@every_client
def test_chunks_come_as_they_are_sent(kind: str) -> None:
    """The server sends the next chunk only when the client has seen the one before."""

    async def main() -> None:
        seen = asyncio.Queue[Any]()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(CHUNKED_HEAD)
            for number in range(5):
                await connection.send(piece(chunk(number)))
                assert await seen.get() == {"n": number}
            await connection.send(piece(DONE) + LAST_PIECE)

        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client, on_chunk=seen.put)
            await handle.execute()
            assert handle.status == "done"

    run(main)


@every_client
def test_get(kind: str) -> None:
    received: list[Received] = []

    async def script(connection: Connection) -> None:
        received.append(await connection.receive())
        await connection.send(length_head(len(DONE)) + DONE)

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(f"{url}/x", method="GET", client=client)
            await handle.execute({"q": "a b+c/ü", "list": [1, 2]})
            assert handle.status == "done"

    run(main)
    (request,) = received
    assert (request.method, request.body) == ("GET", b"")
    url = httpx.URL(f"http://test{request.path}")
    assert url.params.multi_items() == [("q", "a b+c/ü"), ("list", "1"), ("list", "2")]


JSON_ERROR: Final = b'{"code":"RATE_LIMITED","message":"Slow down","statusCode":429}'
JSON_ERROR_HEAD: Final = length_head(len(JSON_ERROR), b"429 Too Many Requests", b"application/json")


@every_client
@pytest.mark.parametrize(
    ("answer", "code", "status_code"),
    [
        (JSON_ERROR_HEAD + JSON_ERROR, "RATE_LIMITED", 429),
        (JSON_ERROR_HEAD + JSON_ERROR[:-1], "HTTP_ERROR", 429),
        (length_head(6, b"502 Bad Gateway", b"text/html") + b"<html>", "HTTP_ERROR", 502),
        (b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n", "HTTP_ERROR", 502),
        (length_head(6, content_type=b"text/html") + b"<html>", "NOT_AN_EVENT_STREAM", 502),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "CONNECTION_ERROR", 502),
        (b"", "CONNECTION_ERROR", 502),
        (b"HTTP/1.1 200 OK\r\ncontent-ty", "CONNECTION_ERROR", 502),
        (CHUNKED_HEAD + piece(b"\x00\xff junk" * 100) + LAST_PIECE, "STREAM_INCOMPLETE", 502),
        (CHUNKED_HEAD + piece(b"data: <html>\n\n") + LAST_PIECE, "INVALID_CHUNK", 502),
        (
            CHUNKED_HEAD + piece(b'event: error\ndata: {"code":"A","message":"b","statusCode":418}\n\n'),
            "A",
            418,
        ),
    ],
    ids=[
        "json-error",
        "cut-json-error",
        "html-error",
        "redirect",
        "html",
        "not-http",
        "no-answer",
        "cut-head",
        "junk-body",
        "not-json",
        "error-event",
    ],
)
def test_failures(kind: str, answer: bytes, code: str, status_code: int) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(answer)

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            await handle.execute()
            assert handle.error is not None
            assert (handle.error.code, handle.error.status_code) == (code, status_code)

    run(main)


@every_client
def test_a_body_whose_framing_turns_to_junk(kind: str) -> None:
    async def main() -> None:
        seen = asyncio.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(CHUNKED_HEAD + piece(chunk(1)))
            await seen.wait()
            await connection.send(b"zz\r\n" + DONE)

        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client, on_chunk=lambda _: seen.set())
            await handle.execute()
            assert handle.error is not None
            assert handle.error.code == "STREAM_INCOMPLETE"
            assert handle.error.__cause__ is not None

    run(main)


@every_client
def test_connection_refused(kind: str) -> None:
    async def main() -> None:
        async with scripted_server(Connection.wait_left) as url:
            pass
        async with open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            await handle.execute()
            assert handle.error is not None
            assert (handle.error.code, handle.error.status_code) == ("CONNECTION_ERROR", 502)

    run(main)


@every_client
def test_events_of_a_mebibyte_and_more(kind: str) -> None:
    def text(size: int) -> bytes:
        return b'data: "' + b"x" * (size - 2) + b'"\n\n'

    async def script(connection: Connection) -> None:
        size = int((await connection.receive()).body)
        data = text(size) + DONE
        try:
            await connection.send(length_head(len(data)) + data)
        except ConnectionResetError:
            assert size > 1_048_576

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            await handle.execute(1_048_576)
            assert handle.status == "done"
            assert len(handle.chunks[0]) == 1_048_574
            await handle.execute(1_048_577)
            assert handle.error is not None
            assert handle.error.code == "EVENT_TOO_LARGE"
            roomy = use_stream_action(url, client=client, max_event_bytes=3_000_000)
            await roomy.execute(3_000_000)
            assert len(roomy.chunks[0]) == 2_999_998

    run(main)


@every_client
def test_a_slow_reader_gets_all_of_a_stream_whose_server_has_left(kind: str) -> None:
    """The body is far more than a transport buffers, so reading pauses and goes on after the end."""
    count = 20_000

    async def script(connection: Connection) -> None:
        await connection.receive()
        body = b"".join(map(chunk, range(count))) + DONE
        await connection.send(CHUNKED_HEAD + piece(body) + LAST_PIECE)

    async def main() -> None:
        seen = 0

        async def on_chunk(value: Any) -> None:
            nonlocal seen
            assert value == {"n": seen}
            seen += 1
            if seen % 100 == 0:
                await asyncio.sleep(0.001)

        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client, on_chunk=on_chunk)
            await handle.execute()
            assert handle.error is None
            assert (handle.complete, seen) == (True, count)

    run(main)


@every_client
def test_a_server_that_refuses_a_large_input_without_reading_it(kind: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive_some()
        await connection.send(length_head(0, b"413 Content Too Large", b"text/plain"))

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            await handle.execute("x" * 8_000_000)
            assert handle.error is not None
            assert handle.error.code in ("HTTP_ERROR", "CONNECTION_ERROR")

    run(main)
