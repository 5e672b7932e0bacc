"""What goes out: targets, inputs, headers; and the options that are refused."""

import asyncio
import json
import math
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from client_runner import run
from fake_transport import DONE, FakeResponse, FakeTransport
from pydantic import BaseModel, Field, Json, SecretStr, TypeAdapter

from streamactions import Stream, define_stream_action
from streamactions.client import Request, StreamHandle, use_stream_action
from streamactions.dialects import DIALECTS, Dialect
from streamactions.errors import ActionError, DefinitionError
from streamactions.testing import collect


class Chat(BaseModel):
    prompt: str = Field(min_length=1, alias="thePrompt")


class Action:
    name = "ai-chat"
    method = "POST"
    input_adapter: TypeAdapter[Any] | None = None
    output_adapter: TypeAdapter[Any] | None = None
    dialect: Dialect | None = None


def sent(target: Any, value: object = None, **options: Any) -> Request:
    transport = FakeTransport(FakeResponse(DONE))

    async def main() -> None:
        handle = use_stream_action(target, client=transport, **options)
        await handle.execute(value)
        assert handle.status == "done"

    run(main)
    assert len(transport.requests) == 1
    return transport.requests[0]


def refused(value: object, **options: Any) -> ActionError:
    """The error of an input that was refused without a request."""
    transport = FakeTransport()
    errors: list[ActionError] = []

    async def main() -> None:
        handle: StreamHandle[Any] = use_stream_action(
            "http://test/", client=transport, on_error=errors.append, **options
        )
        await handle.execute(value)
        assert handle.status == "error"
        assert handle.error is errors[0]

    run(main)
    assert transport.requests == []
    return errors[0]


@pytest.mark.parametrize(
    ("target", "base_url", "url"),
    [
        ("https://host/x?y=1", None, "https://host/x?y=1"),
        ("https://host/x", "http://other", "https://host/x"),
        ("/x", "http://host", "http://host/x"),
        ("x", "http://host:8000/", "http://host:8000/x"),
        ("/x", "http://host/sub/", "http://host/sub/x"),
        (Action(), "http://host", "http://host/api/_actions/ai-chat"),
    ],
)
def test_url(target: Any, base_url: str | None, url: str) -> None:
    assert sent(target, base_url=base_url).url == url


def test_an_action_is_taken_over_and_options_win() -> None:
    action = Action()
    action.method = "put"
    action.output_adapter = TypeAdapter(dict[str, float])
    request = sent(action, base_url="http://host", prefix="/acts/")
    assert (request.method, request.url) == ("PUT", "http://host/acts/ai-chat")
    assert sent(action, base_url="http://host", method="PATCH").method == "PATCH"

    async def main() -> None:
        response = FakeResponse(b'data: {"a":1}\n\ndata: {"__actions_done":true}\n\ndata: {"b":2}\n\n')
        action.dialect = DIALECTS["nuxt-actions"]
        handle = use_stream_action(action, base_url="http://host", client=FakeTransport(response))
        await handle.execute()
        assert (handle.status, handle.chunks) == ("done", [{"a": 1.0}])
        assert type(handle.chunks[0]["a"]) is float

    run(main)


def test_the_reading_of_a_dialect_that_was_named() -> None:
    async def main() -> None:
        response = FakeResponse(b'data: {"__actions_done":true}\n\n')
        handle = use_stream_action("http://test/", client=FakeTransport(response), dialect="standard")
        await handle.execute()
        assert handle.chunks == [{"__actions_done": True}]
        assert handle.error is not None
        assert handle.error.code == "STREAM_INCOMPLETE"

    run(main)


@pytest.mark.parametrize(
    ("input", "body"),
    [
        (None, b"{}"),
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'.encode()),
        (Chat(thePrompt="x"), b'{"thePrompt":"x"}'),
        ({"chat": Chat(thePrompt="x")}, b'{"chat":{"thePrompt":"x"}}'),
        ({"a": math.nan}, b'{"a":null}'),
        (0, b"0"),
    ],
)
def test_body(input: object, body: bytes) -> None:
    request = sent("http://test/", input)
    assert request.body == body
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "text/event-stream"


def test_input_is_checked_and_sent_as_it_was_given() -> None:
    class Login(BaseModel):
        password: SecretStr
        count: int = 3

    assert sent("http://test/", {"password": "p"}, input=Login).body == b'{"password":"p"}'
    error = refused({"items": [{"thePrompt": ""}]}, input=dict[str, list[Chat]])
    assert (error.code, error.message, error.status_code) == (
        "VALIDATION_ERROR",
        "Input validation failed",
        422,
    )
    assert error.field_errors == {"items.0.thePrompt": ["String should have at least 1 character"]}


def test_get_sends_a_query() -> None:
    input = {
        "q": "a b&c",
        "n": 1,
        "yes": True,
        "none": None,
        "nested": {"a": [1]},
        "l": ["x", 2],
        "empty": [],
    }
    request = sent("http://test/x?z=1#f", input, method="get")
    assert request.body is None
    assert request.url == (
        "http://test/x?z=1&q=a+b%26c&n=1&yes=true&nested=%7B%22a%22%3A%5B1%5D%7D&l=x&l=2#f"
    )
    assert "content-type" not in request.headers
    assert sent("http://test/x", method="GET").url == "http://test/x"


def test_get_input_is_checked_as_the_server_reads_it() -> None:
    class Page(BaseModel):
        number: int = Field(ge=1)

    assert sent("http://test/x", {"number": 2}, method="GET", input=Page).url == "http://test/x?number=2"
    error = refused({"number": 0}, method="GET", input=Page)
    assert error.field_errors == {"number": ["Input should be greater than or equal to 1"]}


class Search(BaseModel):
    """What a query can hold."""

    tags: list[str]
    limit: int | None
    ids: set[int] = set()
    pair: tuple[int, str] | None = None
    filters: Json[dict[str, int]] = {}
    exact: bool = False
    words: Sequence[str] | None = None


@pytest.mark.parametrize(
    "input",
    [
        {"tags": ["a"], "limit": None},
        {"tags": ["a", "b c"], "limit": 3, "ids": [1], "exact": True},
        {"tags": [""], "limit": None, "pair": [1, "x"], "words": ["one"]},
        {"tags": ["[1]", "null"], "limit": 0, "filters": {"a": 1}},
    ],
)
def test_a_get_action_gets_what_its_client_was_given(input: dict[str, Any]) -> None:
    @define_stream_action(input=Search, method="GET")
    async def search(input: Search, stream: Stream) -> None:
        await stream.send(input)

    (read,) = asyncio.run(collect(search, input))
    defaults: dict[str, Any] = {"ids": [], "pair": None, "filters": {}, "exact": False, "words": None}
    assert read == defaults | input


class Unsendable:
    pass


@pytest.mark.parametrize(("input", "method"), [(Unsendable(), "POST"), ([1], "GET")])
def test_an_input_that_cannot_be_sent_raises_and_changes_nothing(input: object, method: str) -> None:
    async def main() -> None:
        handle = use_stream_action("http://test/", method=method, client=FakeTransport(FakeResponse(DONE)))
        await handle.execute()
        with pytest.raises(TypeError):
            await handle.execute(input)
        with pytest.raises(TypeError):
            await anext(handle.stream(input))
        assert (handle.status, handle.complete) == ("done", True)

    run(main)


def test_headers_may_be_a_mapping_or_a_function_and_replace_ours_whatever_their_case() -> None:
    calls = 0

    def headers() -> dict[str, str]:
        nonlocal calls
        calls += 1
        return {"Authorization": f"Bearer {calls}", "ACCEPT": "text/event-stream, */*"}

    async def headers_later() -> dict[str, str]:
        await asyncio.sleep(0)
        return headers()

    for number, form in enumerate((headers, headers_later, {"Authorization": "Bearer 3"}), 1):
        request = sent("http://test/", headers=form)
        assert request.headers["authorization"] == f"Bearer {number}"
        assert len({name.lower() for name in request.headers}) == len(request.headers)
    assert calls == 2


def no_headers() -> dict[str, str]:
    raise LookupError("no token")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"a": "b\r\nc: d"}, ValueError),
        ({"a\n": "b"}, ValueError),
        ({"a": "\0"}, ValueError),
        ({"a": 1}, TypeError),
        (no_headers, LookupError),
    ],
)
def test_headers_that_cannot_be_sent_raise_without_a_request(headers: Any, error: type[Exception]) -> None:
    async def main() -> None:
        transport = FakeTransport()
        handle = use_stream_action("http://test/", headers=headers, client=transport)
        with pytest.raises(error):
            await handle.execute()
        assert transport.requests == []
        assert (handle.status, handle.complete, handle.error) == ("done", False, None)

    run(main)


def test_an_action_error_of_the_headers_function_is_not_the_streams() -> None:
    async def main() -> None:
        async def headers() -> dict[str, str]:
            raise ActionError("TOKEN", "no token")

        handle = use_stream_action("http://test/", headers=headers, client=FakeTransport())
        with pytest.raises(ActionError, match="TOKEN"):
            await handle.execute()
        assert handle.error is None

    run(main)


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("/x", {}, "base_url="),
        ("ftp://host/x", {}, "base_url="),
        ("http://", {}, "base_url="),
        ("http://host:port/", {}, "base_url="),
        ("/x", {"base_url": "host"}, "base_url must be"),
        (Action(), {}, "base_url="),
        (42, {}, "StreamAction"),
        ("http://h/", {"method": "BREW"}, "method must be one of"),
        ("http://h/", {"timeout": 0}, "timeout must be more than 0"),
        ("http://h/", {"timeout": math.nan}, "timeout must be more than 0"),
        ("http://h/", {"idle_timeout_s": -1}, "idle_timeout_s must be more than 0"),
        ("http://h/", {"max_event_bytes": 0}, "max_event_bytes=0: write a number above 0"),
        ("http://h/", {"input": Unsendable}, "input="),
        ("http://h/", {"output": Unsendable}, "output="),
        ("http://h/", {"dialect": "klingon"}, "'klingon'"),
        ("http://h/", {"client": object()}, "aiohttp.ClientSession"),
        ("http://h/", {"client": "http://h/"}, "aiohttp.ClientSession"),
    ],
)
def test_a_wrong_option_is_refused_at_once_with_what_to_write(target: Any, options: Any, words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        use_stream_action(target, **options)
    assert words in str(caught.value)


def test_the_type_of_a_sync_client_is_refused_by_its_name() -> None:
    with httpx.Client(trust_env=False) as client, pytest.raises(DefinitionError, match="not Client"):
        use_stream_action("http://h/", client=client)


def test_bodies_are_json() -> None:
    body = sent("http://test/", {"text": "\u2028\0</script>\n😀"}).body
    assert body is not None
    assert json.loads(body) == {"text": "\u2028\0</script>\n😀"}
