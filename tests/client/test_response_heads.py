"""How large a response's head may be, with the built-in transport."""

import ssl
from contextlib import suppress
from typing import Any, Final

import pytest
from client_runner import run
from scripted_http2 import Http2Connection, http2_server
from scripted_server import CHUNKED_HEAD, LAST_PIECE, Connection, piece, scripted_server

from streamactions import ActionError
from streamactions.client import HyperTransport, open_event_stream

BODY: Final = b"data: 1\n\ndata: 2\n\n"


async def read(url: str) -> list[Any]:
    transport = HyperTransport()
    try:
        async with open_event_stream("POST", url, json={}, client=transport) as stream:
            return [value async for value in stream.values()]
    finally:
        await transport.aclose()


async def fails_with(url: str) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await read(url)
    return caught.value


@pytest.mark.parametrize(("fields", "field_bytes"), [(200, 10), (250, 200), (3, 15_000)])
def test_a_large_head_is_read(fields: int, field_bytes: int) -> None:
    value = b"v" * field_bytes
    extra = b"".join(b"x-%d: %b\r\n" % (number, value) for number in range(fields))

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD[:-2] + extra + b"\r\n" + piece(BODY) + LAST_PIECE)

    async def main() -> None:
        async with scripted_server(script) as url:
            assert await read(url) == [1, 2]

    run(main)


@pytest.mark.parametrize(("fields", "field_bytes"), [(300, 10), (5, 15_000), (1, 100_000)])
def test_a_head_past_its_bounds_is_an_error(fields: int, field_bytes: int) -> None:
    value = b"v" * field_bytes
    extra = b"".join(b"x-%d: %b\r\n" % (number, value) for number in range(fields))

    async def script(connection: Connection) -> None:
        await connection.receive()
        with suppress(ConnectionError):
            await connection.send(CHUNKED_HEAD[:-2] + extra + b"\r\n" + piece(BODY) + LAST_PIECE)

    async def main() -> None:
        async with scripted_server(script) as url:
            error = await fails_with(url)
            assert error.code == "CONNECTION_ERROR"
            assert "larger than 65536 bytes, or has more than 256 fields" in error.message

    run(main)


@pytest.mark.parametrize(("field_bytes", "is_read"), [(3_000, True), (6_000, False)])
def test_the_bound_of_a_head_is_the_same_over_http2(
    context: ssl.SSLContext, field_bytes: int, is_read: bool
) -> None:
    async def script(connection: Http2Connection, number: int) -> None:
        connection.send_head(number, *((f"x-{name}", "v" * field_bytes) for name in range(15)))
        connection.send_data(number, BODY, is_last=True)

    async def main() -> None:
        async with http2_server(script, context) as (url, _):
            if is_read:
                assert await read(url) == [1, 2]
            else:
                error = await fails_with(url)
                assert error.code == "CONNECTION_ERROR"
                assert "its head is larger than 65536 bytes" in error.message

    run(main)
