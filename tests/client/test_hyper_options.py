"""The options of the built-in transport, and the words in which a connection fails."""

import asyncio
import math
import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from client_runner import run
from new_process import in_new_process
from scripted_http2 import Http2Connection, http2_server, make_certificates
from scripted_server import CHUNKED_HEAD, KEPT_CHUNKED_HEAD, LAST_PIECE, Connection, piece, scripted_server

from streamactions import ActionError, DefinitionError
from streamactions.client import HyperTransport, open_event_stream

BODY = b"data: 1\n\ndata: 2\n\n"


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)


async def read(url: str, **options: Any) -> list[Any]:
    async with (
        HyperTransport(**options) as transport,
        open_event_stream("POST", url, json={}, client=transport) as stream,
    ):
        return [value async for value in stream.values()]


async def message_of(url: str, **options: Any) -> str:
    with pytest.raises(ActionError) as caught:
        await read(url, **options)
    assert caught.value.code == "CONNECTION_ERROR"
    return caught.value.message.removeprefix("The server gave no answer: ")


async def answer(connection: Connection) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(BODY) + LAST_PIECE)


async def answer_stream(connection: Http2Connection, number: int) -> None:
    connection.send_head(number)
    connection.send_data(number, BODY, is_last=True)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_file_of_roots_and_no_verification(tmp_path: Path) -> None:
    other = make_certificates(tmp_path)

    async def main() -> None:
        async with http2_server(answer_stream, other) as (url, _):
            assert await read(url, ca_file=tmp_path / "root.pem") == [1, 2]
            assert await read(url, verify=False) == [1, 2]

    run(main)


def test_a_certificate_that_no_root_vouches_for_says_what_to_write(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    other, _ = (make_certificates(folder) for folder in folders)

    async def main() -> None:
        async with http2_server(answer_stream, other) as (url, _):
            peer = url.removeprefix("https://")
            for message in (await message_of(url), await message_of(url, ca_file=folders[1] / "root.pem")):
                assert message.startswith(f"no trusted root vouches for the certificate of {peer} (")
                assert message.endswith(
                    "name a file with its root, as SSL_CERT_FILE or HyperTransport(ca_file=...)"
                )

    run(main)


def test_a_client_certificate(tmp_path: Path) -> None:
    demanding = make_certificates(tmp_path)
    demanding.verify_mode = ssl.CERT_REQUIRED
    demanding.load_verify_locations(tmp_path / "root.pem")
    both, roots = tmp_path / "server.pem", tmp_path / "root.pem"

    async def main() -> None:
        async with http2_server(answer_stream, demanding) as (url, _):
            assert await read(url, ca_file=roots, client_cert=both) == [1, 2]
            assert await read(url, ca_file=roots, client_cert=(both, both)) == [1, 2]
            assert await message_of(url, ca_file=roots)
            assert "the client's key" in await message_of(url, ca_file=roots, client_cert=(both, roots))

    # A server that refuses a client ends the connection within the handshake, which asyncio logs.
    run(main)


def test_http1_alone(tmp_path: Path) -> None:
    both = make_certificates(tmp_path)
    both.set_alpn_protocols(["h2", "http/1.1"])

    async def main() -> None:
        async with scripted_server(answer, both) as url:
            assert await read(url, ca_file=tmp_path / "root.pem", http1_only=True) == [1, 2]

    run(main)


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def main() -> None:
        heads: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(CHUNKED_HEAD + piece(BODY) + LAST_PIECE)
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_unix_server(serve, path):
            assert await read("http://app.invalid/v1", socket_path=path, http1_only=True) == [1, 2]
            assert b"host: app.invalid\r\n" in heads[0]
            assert heads[0].startswith(b"POST /v1 HTTP/1.1\r\n")
        path.unlink(missing_ok=True)
        message = await message_of("http://app.invalid/", socket_path=path)
        assert message.startswith(f"cannot connect to the socket {path}: ")

    run(main)


def test_a_proxy_of_ones_own_counts_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def main() -> None:
        async with scripted_server(answer) as url:
            assert await read("http://elsewhere.invalid/", proxy=url) == [1, 2]
            assert await read(url) == [1, 2]

    run(main)


@pytest.mark.parametrize(("options", "connections_made"), [({}, 1), ({"pool_size": 0}, 2)])
def test_how_many_unused_connections_are_kept(options: dict[str, Any], connections_made: int) -> None:
    async def main() -> None:
        made = 0

        async def script(connection: Connection) -> None:
            nonlocal made
            made += 1
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await connection.receive()
                    await connection.send(KEPT_CHUNKED_HEAD + piece(BODY) + LAST_PIECE)

        async with scripted_server(script) as url, HyperTransport(**options) as transport:
            for _ in range(2):
                async with open_event_stream("GET", url, client=transport) as stream:
                    assert [value async for value in stream.values()] == [1, 2]
            assert made == connections_made

    run(main)


def test_an_unused_connection_is_closed_in_time() -> None:
    async def main() -> None:
        left = asyncio.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(KEPT_CHUNKED_HEAD + piece(BODY) + LAST_PIECE)
            await connection.wait_left()
            left.set()

        async with scripted_server(script) as url, HyperTransport(pool_idle_s=0.1) as transport:
            async with open_event_stream("GET", url, client=transport) as stream:
                assert [value async for value in stream.values()] == [1, 2]
            await left.wait()

    run(main)


def test_leaving_the_block_closes_what_is_unused() -> None:
    async def main() -> None:
        left = asyncio.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(KEPT_CHUNKED_HEAD + piece(BODY) + LAST_PIECE)
            await connection.wait_left()
            left.set()

        async with scripted_server(script) as url:
            assert await read(url) == [1, 2]
            await left.wait()

    run(main)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"connect_timeout_s": 0}, "connect_timeout_s must be more than 0"),
        ({"connect_timeout_s": 1e300}, "connect_timeout_s"),
        ({"pool_idle_s": math.inf}, "pool_idle_s"),
        ({"pool_size": 2**80}, "a number is too large"),
        ({"pool_idle_s": -1}, "pool_idle_s must be more than 0"),
        ({"pool_size": -1}, "pool_size must be a whole number"),
        ({"pool_size": 1.5}, "pool_size must be a whole number"),
        ({"verify": "roots.pem"}, "ca_file="),
        ({"verify": False, "ca_file": __file__}, "leave it or ca_file out"),
        ({"ca_file": "/nowhere.pem"}, "ca_file must be a PEM file"),
        ({"client_cert": ("/nowhere.pem", __file__)}, "client_cert must be a PEM file"),
        ({"proxy": "socks5://user:word@a:1"}, 'like "http://user:password@proxy:3128"'),
        ({"proxy": "http://a proxy"}, 'like "http://user:password@proxy:3128"'),
        ({"proxy": "a:99999"}, 'like "http://user:password@proxy:3128"'),
        ({"proxy": "http://a:1", "socket_path": "/socket"}, "leave proxy or socket_path out"),
    ],
)
def test_options_that_are_wrong_say_what_to_write(options: dict[str, Any], what: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        HyperTransport(**options)
    assert what in str(caught.value)
    assert "word@" not in str(caught.value).replace("user:password@", "")


def test_a_server_that_refuses_connections_is_named() -> None:
    async def main() -> None:
        port = closed_port()
        expected = f"cannot connect to 127.0.0.1:{port}: Connection refused"
        assert (await message_of(f"http://127.0.0.1:{port}/")).startswith(expected)
        assert (await message_of(f"https://127.0.0.1:{port}/", verify=False)).startswith(expected)
        proxy = f"http://user:word@127.0.0.1:{port}"
        expected = f"cannot connect to the proxy 127.0.0.1:{port}: Connection refused"
        for url in ("http://a.test/", "https://a.test/"):
            assert (await message_of(url, proxy=proxy, verify=False)).startswith(expected)
        message = await message_of("http://nowhere.invalid/")
        assert message.startswith("cannot connect to nowhere.invalid:80: its name is not known: ")

    run(main)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (b"HTTP/1.1 403 Forbidden by policy\r\n\r\n", "it answered 403 Forbidden by policy"),
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
            "write the proxy with the right user and password, like http://user:password@127.0.0.1:",
        ),
        (b"SSH-2.0-x\r\n\r\n", "it does not speak HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"v" * 9_000, "the head of its answer is larger than 8192 bytes"),
        (b"", "made no tunnel to a.test:443: "),
    ],
)
def test_a_proxy_that_makes_no_tunnel_says_why(told: bytes, said: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        with suppress(ConnectionError):
            await connection.send(told)

    async def main() -> None:
        async with scripted_server(script) as proxy:
            message = await message_of("https://a.test/", proxy=proxy, verify=False)
            assert message.startswith(
                f"the proxy {proxy.removeprefix('http://')} made no tunnel to a.test:443"
            )
            assert said in message

    run(main)


@pytest.mark.usefixtures("context")
def test_a_server_that_speaks_no_tls_is_told_apart() -> None:
    async def script(connection: Connection) -> None:
        await connection.receive_some()
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def main() -> None:
        async with scripted_server(script) as url:
            message = await message_of(url.replace("http://", "https://"))
            assert "does not speak TLS" in message
            assert "is its URL an http:// one?" in message

    run(main)


def test_a_connection_that_takes_too_long_is_named(tmp_path: Path) -> None:
    make_certificates(tmp_path)

    async def main() -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        with silent:
            peer = f"127.0.0.1:{silent.getsockname()[1]}"
            options = {"ca_file": tmp_path / "root.pem", "connect_timeout_s": 0.2}
            message = await message_of(f"https://{peer}", **options)
            assert message == f"no connection to {peer} within 0.2 seconds (connect_timeout_s)"
            message = await message_of("https://a.test/", proxy=f"http://{peer}", **options)
            assert message == (
                f"no connection to a.test:443 through the proxy {peer} within 0.2 seconds (connect_timeout_s)"
            )

    run(main)


def test_a_certificate_file_of_the_environment_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    program = f"""
        import asyncio, os
        os.environ["SSL_CERT_FILE"] = {str(tmp_path / "typo.pem")!r}
        from streamactions.client import HyperTransport, open_event_stream

        async def main():
            async with open_event_stream("GET", "https://127.0.0.1:1/", client=HyperTransport()):
                pass

        try:
            asyncio.run(main())
        except Exception as error:
            print(error.message)
    """
    assert f"SSL_CERT_FILE {tmp_path / 'typo.pem'} cannot be read" in in_new_process(program)
