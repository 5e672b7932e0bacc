"""What only the built-in transport has: HTTP/2, TLS by the system's roots, proxies; threads, forks, exits."""

import asyncio
import base64
import os
import ssl
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, Final

import pytest
import uvloop
from client_runner import run
from h2.errors import ErrorCodes
from new_process import in_new_process
from scripted_http2 import Http2Connection, http2_server, make_certificates
from scripted_server import CHUNKED_HEAD, LAST_PIECE, Connection, Received, piece, scripted_server

from streamactions import ActionError
from streamactions.client import HyperTransport, open_event_stream

BODY: Final = b"data: 1\n\ndata: 2\n\n"


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)


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


async def answer(connection: Connection) -> None:
    await connection.receive()
    await connection.send(CHUNKED_HEAD + piece(BODY) + LAST_PIECE)


def test_http2_streams_share_a_connection(context: ssl.SSLContext) -> None:
    async def script(connection: Http2Connection, number: int) -> None:
        connection.send_head(number)
        connection.send_data(number, BODY[:5])
        connection.send_data(number, BODY[5:], is_last=True)

    async def main() -> None:
        async with http2_server(script, context) as (url, connections):
            transport = HyperTransport()
            async with open_event_stream("POST", url, json={}, client=transport) as first:
                async with open_event_stream("POST", url, json={}, client=transport) as second:
                    assert [value async for value in second.values()] == [1, 2]
                assert [value async for value in first.values()] == [1, 2]
            await transport.aclose()
            assert [connection.streams for connection in connections] == [2]

    run(main)


@pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.CANCEL, ErrorCodes.INTERNAL_ERROR])
def test_a_reset_http2_stream_is_an_error(context: ssl.SSLContext, code: ErrorCodes) -> None:
    async def main() -> None:
        seen = asyncio.Event()

        async def script(connection: Http2Connection, number: int) -> None:
            connection.send_head(number)
            connection.send_data(number, BODY)
            await seen.wait()
            connection.reset(number, code)

        async with http2_server(script, context) as (url, _):
            transport = HyperTransport()
            async with open_event_stream("POST", url, json={}, client=transport) as stream:
                values = stream.values()
                assert [await anext(values), await anext(values)] == [1, 2]
                seen.set()
                with pytest.raises(ActionError) as caught:
                    await anext(values)
                assert caught.value.code == "STREAM_INCOMPLETE"
            await transport.aclose()

    run(main)


def test_a_closed_http2_connection_is_an_error(context: ssl.SSLContext) -> None:
    async def script(connection: Http2Connection, number: int) -> None:
        connection.send_head(number)
        connection.send_data(number, BODY)
        connection.close()

    async def main() -> None:
        async with http2_server(script, context) as (url, _):
            assert (await fails_with(url)).code == "STREAM_INCOMPLETE"

    run(main)


def test_a_left_http2_stream_is_reset(context: ssl.SSLContext) -> None:
    async def script(connection: Http2Connection, number: int) -> None:
        connection.send_head(number)
        connection.send_data(number, BODY)
        await connection.wait_reset(number)

    async def main() -> None:
        async with http2_server(script, context) as (url, _):
            transport = HyperTransport()
            async with open_event_stream("GET", url, client=transport) as stream:
                async for value in stream.values():
                    assert value == 1
                    break
            # The connection is still good for other streams, so it is not closed.
            await transport.aclose()

    run(main)


def test_a_certificate_that_no_root_vouches_for(context: ssl.SSLContext, tmp_path: Path) -> None:
    other = make_certificates(tmp_path)

    async def script(connection: Http2Connection, number: int) -> None:
        raise AssertionError("nothing may be sent")

    async def main() -> None:
        async with http2_server(script, other) as (url, _):
            error = await fails_with(url)
            assert error.code == "CONNECTION_ERROR"
            assert "certificate" in error.message

    run(main)


def test_an_http_proxy_gets_the_whole_url_and_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[Received] = []

    async def script(connection: Connection) -> None:
        received.append(await connection.receive())
        await connection.send(CHUNKED_HEAD + piece(BODY) + LAST_PIECE)

    async def main() -> None:
        async with scripted_server(script) as url:
            monkeypatch.setenv("HTTP_PROXY", url.replace("://", "://user:word@"))
            assert await read("http://elsewhere.invalid/v1?x=1") == [1, 2]
            monkeypatch.setenv("NO_PROXY", "elsewhere.invalid")
            assert (await fails_with("http://elsewhere.invalid/")).code == "CONNECTION_ERROR"

    run(main)
    (request,) = received
    assert request.path == "http://elsewhere.invalid/v1?x=1"
    assert request.headers["proxy-authorization"] == f"Basic {base64.b64encode(b'user:word').decode()}"


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("scheme", ["https", "socks5", "socks5h", "socks"])
@pytest.mark.parametrize("target", ["http", "https"])
def test_a_proxy_that_cannot_be_used_is_named_and_not_passed_by(
    monkeypatch: pytest.MonkeyPatch, scheme: str, target: str
) -> None:
    async def refuse(connection: Connection) -> None:
        raise AssertionError("nothing may be sent")

    async def main() -> None:
        async with scripted_server(refuse) as url:
            variable = f"{target.upper()}_PROXY"
            monkeypatch.setenv(variable, url.replace("http://", f"{scheme}://user:word@"))
            error = await fails_with(url.replace("http://", f"{target}://"))
            assert error.code == "CONNECTION_ERROR"
            assert error.message == (
                f"The server gave no answer: the {scheme}:// proxy that {variable} names is not supported: "
                "name an http:// one, exempt the server in NO_PROXY, or pass a client that supports it"
            )

    run(main)


def test_a_value_that_names_no_proxy_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(connection: Connection) -> None:
        raise AssertionError("nothing may be sent")

    async def main() -> None:
        async with scripted_server(refuse) as url:
            monkeypatch.setenv("ALL_PROXY", "http://user:word@a proxy")
            error = await fails_with(url)
            assert error.message == (
                "The server gave no answer: ALL_PROXY names no proxy: write it like http://proxy:3128"
            )

    run(main)


def test_an_https_url_goes_through_a_tunnel(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def serve(connection: Http2Connection, number: int) -> None:
        connection.send_head(number)
        connection.send_data(number, BODY, is_last=True)

    async def main() -> None:
        async with http2_server(serve, context) as (url, _):

            async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                asked.append((await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0])
                port = int(url.rpartition(":")[2])
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while data := await source.read(65_536):
                    target.write(data)
                target.close()

            async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy:
                port = proxy.sockets[0].getsockname()[1]
                monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
                assert await read(url) == [1, 2]
                assert asked == [f"CONNECT {url.removeprefix('https://')} HTTP/1.1"]

    run(main)


def test_a_slow_reader_pauses_the_socket() -> None:
    """The server cannot get rid of more than the buffers on the way hold, until the reader reads on."""
    body = piece(b'data: "' + b"x" * 65_000 + b'"\n\n')
    count = 1000

    async def main() -> None:
        sent = 0
        stuck = asyncio.Event()

        async def script(connection: Connection) -> None:
            nonlocal sent
            await connection.receive()
            await connection.send(CHUNKED_HEAD)
            for sent in range(1, count + 1):  # noqa: B007 - the test looks at it
                try:
                    await asyncio.wait_for(
                        asyncio.shield(sending := asyncio.ensure_future(connection.send(body))), 1
                    )
                except TimeoutError:
                    stuck.set()
                    await sending
            await connection.send(LAST_PIECE)

        async with scripted_server(script) as url:
            transport = HyperTransport()
            async with open_event_stream("GET", url, client=transport) as stream:
                values = stream.values()
                await anext(values)
                await stuck.wait()
                # The kernel's socket buffers take a few MiB; what is here takes 256 KiB.
                assert sent < count / 2
                assert len([value async for value in values]) == count - 1
            await transport.aclose()

    run(main)


def test_under_uvloop_and_on_several_loops_with_one_transport() -> None:
    transport = HyperTransport()

    async def main() -> list[Any]:
        async with (
            scripted_server(answer) as url,
            open_event_stream("GET", url, client=transport) as stream,
        ):
            return [value async for value in stream.values()]

    for run_loop in (uvloop.run, asyncio.run, uvloop.run, asyncio.run):
        assert run_loop(main()) == [1, 2]


async def read_in_turns(url: str, seen: asyncio.Queue[Any], **options: Any) -> None:
    async with open_event_stream("GET", url, **options) as stream:
        async for value in stream.values():
            await seen.put((name.get(), value))


name: ContextVar[str] = ContextVar("name", default="nobody")


def make_python_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
    """asyncio's task as it is written in Python, which has a future's protocol at its word."""
    return asyncio.tasks._PyTask(coroutine, loop=loop, **options)  # type: ignore[attr-defined]


@pytest.mark.parametrize("run_loop", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("task_factory", [None, make_python_task])
def test_a_reader_runs_in_its_own_task_and_context(run_loop: Any, task_factory: Any) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(task_factory)
        seen: asyncio.Queue[Any] = asyncio.Queue()
        go_on = asyncio.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(CHUNKED_HEAD + piece(BODY[:9]))
            await go_on.wait()
            await connection.send(piece(BODY[9:]) + LAST_PIECE)

        def start(task_name: str) -> "asyncio.Task[None]":
            context = copy_context()
            context.run(name.set, task_name)
            return asyncio.get_running_loop().create_task(read_in_turns(url, seen), context=context)

        async with scripted_server(script) as url:
            tasks = [start("a"), start("b")]
            assert sorted([await seen.get(), await seen.get()]) == [("a", 1), ("b", 1)]
            go_on.set()
            assert sorted([await seen.get(), await seen.get()]) == [("a", 2), ("b", 2)]
            await asyncio.gather(*tasks)
            # A cancellation is the task's, message included.
            go_on.clear()
            task = start("c")
            assert await seen.get() == ("c", 1)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError, match="enough"):
                await task
            go_on.set()
        assert name.get() == "nobody"

    run_loop(main())


def test_a_request_that_http_cannot_carry() -> None:
    async def main() -> None:
        transport = HyperTransport()
        with pytest.raises(ActionError, match="no header name"):
            async with open_event_stream("GET", "http://test/", headers={"a b": "c"}, client=transport):
                pytest.fail("it opened")

    run(main)


def test_importing_starts_no_thread() -> None:
    program = """
        import os, streamactions.client
        streamactions.client.HyperTransport()
        print(len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 1)
    """
    assert in_new_process(program) == "1\n"


OPENED: Final = """
    import asyncio, os, sys
    from scripted_server import *
    from streamactions.client import HyperTransport, open_event_stream

    transport = HyperTransport()

    async def answer(connection):
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(b"data: 1\\n\\n") + LAST_PIECE)

    async def read():
        async with scripted_server(answer) as url:
            async with open_event_stream("GET", url, client=transport) as stream:
                return [value async for value in stream.values()]
"""


def test_a_fork_after_use_has_a_thread_of_its_own() -> None:
    program = (
        OPENED
        + """
    assert asyncio.run(read()) == [1]
    child = os.fork()
    if child == 0:
        print("child", asyncio.run(read()), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print("parent", asyncio.run(read()))
    """
    )
    # Python 3.12 and later warn of any fork while there is a thread.
    assert in_new_process(program, "-W", "ignore::DeprecationWarning") == "child [1]\nparent [1]\n"


def test_the_interpreter_ends_with_a_stream_open() -> None:
    program = (
        OPENED
        + """
    import socket
    server = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    opening = open_event_stream("GET", f"http://127.0.0.1:{server.getsockname()[1]}/", client=transport)

    async def start():
        entering = asyncio.ensure_future(opening.__aenter__())
        connection, _ = await asyncio.to_thread(server.accept)
        connection.recv(65536)
        connection.sendall(CHUNKED_HEAD + piece(b"data: 1\\n\\n"))
        return await entering, connection

    kept = loop.run_until_complete(start())
    print("open", flush=True)
    """
    )
    assert in_new_process(program) == "open\n"
