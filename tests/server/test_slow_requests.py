"""Requests that never end: each wait for a client has a bound, and then the connection is given back."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from server.http1 import ResponseReader
from server.http2_client import Http2Client
from server.raw_client import BOUND_S, EVENT_STREAM
from server.served import Served
from streamactions import ActionError, StreamActions, define_stream_action
from streamactions.app.application import DEFAULT_BODY_TIMEOUT_S
from streamactions.app.asgi import Message, Scope
from streamactions.app.body import Body, BodyRules
from streamactions.app.pulse import Pulse
from streamactions.stream import Stream

UNFINISHED = {
    "no body": ("content-length: 10", b""),
    "half a body": ("content-length: 10", b"{"),
    "no piece": ("transfer-encoding: chunked", b""),
    "half a piece": ("transfer-encoding: chunked", b"5\r\n{"),
    "no last piece": ("transfer-encoding: chunked", b"2\r\n{}\r\n"),
    "pieces that do not end": ("transfer-encoding: chunked", b"0"),
    "a trailer that does not end": ("transfer-encoding: chunked", b"2\r\n{}\r\n0\r\nx: y"),
}


@contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), BOUND_S) as connection:
        yield connection


def request_head(served: Served, *fields: str) -> bytes:
    lines = [f"POST {served.path('echo')} HTTP/1.1", "host: test", "content-type: application/json", *fields]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def read_to_the_end(connection: socket.socket, drip: bytes = b"") -> tuple[ResponseReader, bytes]:
    """The answer, until the server closes the connection; meanwhile, send ``drip`` now and then."""
    response, body = ResponseReader(), b""
    connection.settimeout(0.05 if drip else BOUND_S)
    for _ in range(int(BOUND_S / 0.05)):
        try:
            data = connection.recv(65536)
        except TimeoutError:
            assert drip, "the server does not close the connection"
            connection.send(drip)
        except ConnectionResetError:
            return response, body
        else:
            if not data:
                return response, body
            body += response.feed(data)
    raise TimeoutError("the server does not close the connection")


@pytest.mark.parametrize("what", UNFINISHED)
def test_a_body_that_does_not_come_is_refused_and_the_connection_closed(
    options_server: Served, what: str
) -> None:
    field, begun = UNFINISHED[what]
    with connected(options_server) as connection:
        connection.sendall(request_head(options_server, field) + begun)
        response, body = read_to_the_end(connection)
    assert response.status == 408
    assert json.loads(body) == {
        "code": "REQUEST_TIMEOUT",
        "message": "Request body did not arrive within 1 s",
        "statusCode": 408,
    }
    assert response.header("connection") == "close"


@pytest.mark.parametrize(
    ("field", "drip"),
    [("content-length: 1000", b" "), ("transfer-encoding: chunked", b"1\r\n \r\n")],
)
def test_a_body_that_drips_is_refused_and_the_connection_closed(
    options_server: Served, field: str, drip: bytes
) -> None:
    with connected(options_server) as connection:
        connection.sendall(request_head(options_server, field))
        response, _ = read_to_the_end(connection, drip)
    assert response.status == 408


def test_who_reads_a_stream_is_told_in_it(options_server: Served) -> None:
    with connected(options_server) as connection:
        connection.sendall(request_head(options_server, "content-length: 10", f"accept: {EVENT_STREAM}"))
        response, body = read_to_the_end(connection)
    assert response.status == 200
    assert response.is_complete
    assert b'"code":"REQUEST_TIMEOUT"' in body


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (("content-length: 99999",), 413),
        (("content-length: 10", "content-type: text/plain"), 415),
    ],
)
def test_a_call_that_is_refused_before_its_body_was_read_closes_the_connection(
    options_server: Served, fields: tuple[str, ...], status: int
) -> None:
    with connected(options_server) as connection:
        connection.sendall(request_head(options_server, *fields) + b"{")
        response, _ = read_to_the_end(connection)
    assert response.status == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/own/nothing", 404), ("PUT", "/own/echo", 405), ("POST", "/own/client.js", 405)],
)
def test_who_calls_no_action_and_ends_no_body_is_answered_and_left(
    options_server: Served, method: str, path: str, status: int
) -> None:
    with connected(options_server) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n{{".encode())
        response, _ = read_to_the_end(connection)
    assert response.status == status


def test_another_who_cancels_is_not_taken_for_the_bound() -> None:
    """A server that stops cancels the task, whatever it waits for."""

    async def receive() -> Message:
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    async def main(timeout_s: float, cancels: int) -> None:
        pulse = Pulse(asyncio.get_running_loop(), 15.0)
        scope: Scope = {"headers": [(b"content-type", b"application/json")]}
        task = asyncio.ensure_future(Body(scope, receive, pulse).read(BodyRules(10, timeout_s, True)))
        await asyncio.sleep(0)
        for _ in range(cancels):
            task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main(BOUND_S, 1))
    with pytest.raises(ActionError, match="REQUEST_TIMEOUT"):
        asyncio.run(main(0.01, 0))


def test_a_body_that_came_in_time_leaves_the_connection_open(options_server: Served) -> None:
    with connected(options_server) as connection:
        for _ in range(3):
            connection.sendall(request_head(options_server, "content-length: 13") + b'{"chunks":[]}')
            response = ResponseReader()
            while not response.is_complete:
                response.feed(connection.recv(65536))
            assert (response.status, response.header("connection")) == (200, None)


def test_one_stream_of_a_connection_may_be_refused_alone(options_server: Served) -> None:
    with Http2Client(options_server.port) as client:
        slow = client.begin(options_server.path("echo"))
        assert json.loads(client.read_body(slow))["code"] == "REQUEST_TIMEOUT"
        assert dict(client.headers[slow])[":status"] == "408"
        other = client.request(options_server.path("echo"), {"chunks": [1]})
        assert client.read_body(other).startswith(b"data: 1\n\n")


def test_an_action_may_have_a_bound_of_its_own() -> None:
    async def handler(stream: Stream) -> None: ...

    own = define_stream_action(handler, name="own", body_timeout_s=5)
    other = define_stream_action(handler, name="other")
    for app, bounds in (
        (StreamActions([own, other]), (5, DEFAULT_BODY_TIMEOUT_S)),
        (StreamActions([own, other], body_timeout_s=7), (5, 7)),
    ):
        served = [app._paths[f"/api/_actions/{name}"] for name in ("own", "other")]
        assert tuple(one.body_rules.timeout_s for one in served) == bounds
