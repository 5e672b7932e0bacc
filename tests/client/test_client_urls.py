"""URLs as people write them: what is sent for them, or which words refuse them."""

import base64
import logging
import math
from typing import Any

import pytest
from client_runner import run
from fake_transport import DONE, FakeResponse, FakeTransport, chunk
from scripted_server import CHUNKED_HEAD, LAST_PIECE, Connection, Received, piece, scripted_server

from streamactions import ActionError, DefinitionError, __version__
from streamactions.client import ConnectFailedError, Request, open_event_stream, use_stream_action


async def request_of(url: str, method: str = "POST", **options: Any) -> Request:
    """What is sent for an event stream."""
    transport = FakeTransport(FakeResponse(chunk(1), DONE))
    async with open_event_stream(method, url, client=transport, **options):
        return transport.requests[0]


async def request_of_action(url: str, **options: Any) -> Request:
    transport = FakeTransport(FakeResponse(chunk(1), DONE))
    await use_stream_action(url, client=transport, **options).execute()
    return transport.requests[0]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("http://a.test/x?y=1&z=%20#f", "http://a.test/x?y=1&z=%20#f"),
        ("HTTP://a.test:080", "http://a.test:80"),
        ("http://a.test/a b/é?q=日本 x", "http://a.test/a%20b/%C3%A9?q=%E6%97%A5%E6%9C%AC%20x"),
        ('http://a.test/"<>`', "http://a.test/%22%3C%3E%60"),
        (" http://a.test/ ", "http://a.test/"),
        ("http://a.test/100%/%zz", "http://a.test/100%/%zz"),
        ("http://a.test/\ud83d", "http://a.test/%EF%BF%BD"),
        ("http://bücher.test:8080/", "http://xn--bcher-kva.test:8080/"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("http://a。test/", "http://a.test/"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("http://a_b.test/", "http://a_b.test/"),
    ],
)
def test_a_url_is_sent_as_browsers_send_it(written: str, sent: str) -> None:
    async def main() -> None:
        request = await request_of(written)
        assert request.url == sent
        assert "authorization" not in request.headers
        assert (await request_of_action(written)).url == sent

    run(main)


@pytest.mark.parametrize(
    "url",
    [
        "http://a b/",
        "http://a<b/",
        "http://a%41/",
        "http://faß.test/",
        "http://" + "ü" * 70 + ".test/",
        "http://a..ü/",
        "http://a.test/x\ny",
        "http://a.test/\x00",
        "http://a.test:port/",
        "http://a.test:99999/",
        "http://user:secret@/",
        "http://user:secret@a b/",
        "http://user:secret/word@a/",
        "http:///x",
        "ftp://a.test/",
        "a.test/x",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_what_is_no_url_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        open_event_stream("GET", url)
    assert "secret" not in str(caught.value)
    with pytest.raises(DefinitionError) as caught:
        use_stream_action(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("user_info", "secret"),
    [
        ("user:word", b"user:word"),
        ("user", b"user:"),
        (":word", b":word"),
        ("us%40er:w%3Ao%2Frd", b"us@er:w:o/rd"),
        ("a:b:c", b"a:b:c"),
        ("a:b@c", b"a:b@c"),
        ("é:日本", "é:日本".encode()),
    ],
)
def test_user_and_password_become_basic_authorization(user_info: str, secret: bytes) -> None:
    authorization = f"Basic {base64.b64encode(secret).decode()}"

    async def main() -> None:
        for make in (request_of, request_of_action):
            request = await make(f"http://{user_info}@a.test/x")
            assert request.url == "http://a.test/x"
            assert request.headers["authorization"] == authorization
            own = await make(f"http://{user_info}@a.test/x", headers={"Authorization": "Bearer 1"})
            assert own.headers["authorization"] == "Bearer 1"
        request = await request_of_action("/x", base_url=f"http://{user_info}@a.test", method="GET")
        assert (request.url, request.headers["authorization"]) == ("http://a.test/x", authorization)
        assert "authorization" not in (await request_of("http://@a.test/")).headers

    run(main)


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"q": "a b", "n": 1}, "?x=1&q=a+b&n=1"),
        ({"tag": ["a", "b"], "none": None}, "?x=1&tag=a&tag=b"),
        ([("é", "&"), ("é", "2")], "?x=1&%C3%A9=%26&%C3%A9=2"),
        ({"yes": True, "no": [False, 1.5]}, "?x=1&yes=true&no=false&no=1.5"),
        ({}, "?x=1"),
        (None, "?x=1"),
    ],
)
def test_parameters_go_after_the_urls_own(params: Any, query: str) -> None:
    async def main() -> None:
        request = await request_of("http://a.test/?x=1#f", params=params)
        assert request.url == f"http://a.test/{query}#f"

    run(main)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"params": "abc"}, "params must be names with values"),
        ({"params": {"a": {"b": 1}}}, "the value of 'a' must be a string, a number or a list of these"),
        ({"params": {"a": [b"x"]}}, "not bytes"),
        ({"url": None}, "None is no absolute URL"),
        ({"url": b"http://a.test/"}, "is no absolute URL"),
        ({"method": "G ET"}, "has method='G ET': write method=\"POST\""),
        ({"method": ""}, "has method='': write method=\"POST\""),
    ],
)
def test_what_makes_no_request_is_refused_with_what_to_write(options: dict[str, Any], what: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        open_event_stream(**{"method": "GET", "url": "http://a.test/", **options})
    assert what in str(caught.value)


def test_a_body_of_ones_own() -> None:
    async def main() -> None:
        headers = {"Content-Type": "application/xml"}
        request = await request_of("http://a.test/", content="<é/>", headers=headers)
        assert request.body == "<é/>".encode()
        assert request.headers["content-type"] == "application/xml"
        request = await request_of("http://a.test/", content=b"\xff")
        assert request.body == b"\xff"
        assert "content-type" not in request.headers

    run(main)
    with pytest.raises(DefinitionError, match="either json or content"):
        open_event_stream("POST", "http://a.test/", json={}, content=b"x")
    with pytest.raises(DefinitionError, match="content must be bytes or a string, not dict"):
        open_event_stream("POST", "http://a.test/", content={})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_json_does_not_have_is_null(value: float) -> None:
    async def main() -> None:
        assert (await request_of("http://a.test/", json={"x": [value]})).body == b'{"x":[null]}'

    run(main)


@pytest.mark.parametrize(
    ("headers", "name"), [(None, f"streamactions/{__version__}"), ({"User-Agent": "me/1"}, "me/1")]
)
def test_a_request_says_who_asks(headers: dict[str, str] | None, name: str) -> None:
    received: list[Received] = []

    async def script(connection: Connection) -> None:
        received.append(await connection.receive())
        await connection.send(CHUNKED_HEAD + piece(chunk(1)) + LAST_PIECE)

    async def main() -> None:
        async with (
            scripted_server(script) as url,
            open_event_stream("GET", url, headers=headers) as stream,
        ):
            assert [value async for value in stream.values()] == [{"n": 1}]
        assert received[0].headers["user-agent"] == name

    run(main)


def test_each_exchange_has_one_line_of_debug_log_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="streamactions.client")

    async def lines(response: FakeResponse | Exception) -> list[str]:
        caplog.clear()
        transport = FakeTransport(response)
        url = "http://user:secret@a.test/x?key=secret"
        opening = open_event_stream("POST", url, json="secret", headers={"x": "secret"}, client=transport)
        try:
            async with opening:
                pass
        except ActionError:
            pass
        return [record.getMessage().partition(" after ")[0] for record in caplog.records]

    async def main() -> None:
        start = "POST http://a.test/x: "
        assert await lines(FakeResponse(chunk(1), DONE)) == [f"{start}HTTP 200"]
        assert await lines(ConnectFailedError("refused")) == [
            f"{start}CONNECTION_ERROR: The server gave no answer: refused"
        ]
        assert await lines(FakeResponse(b'{"error":"\\u001b[2J"}', status=503)) == [
            f"{start}HTTP_ERROR: \\x1b[2J"
        ]

    run(main)
