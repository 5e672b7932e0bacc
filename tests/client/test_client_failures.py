"""Every way a stream can fail, as the one error type; through a transport without a network."""

import copy
import json
import pickle
from typing import Any

import pytest
from client_runner import run
from fake_transport import DONE, HANG, FakeResponse, FakeTransport, chunk

from streamactions import Stream, StreamActions, define_stream_action
from streamactions.client import (
    BodyBrokenError,
    ConnectFailedError,
    HTTPStatusError,
    http_failure,
    open_event_stream,
    use_stream_action,
)
from streamactions.client import response as response_module
from streamactions.errors import ActionError
from streamactions.testing import InProcessTransport

URL = "http://test/ai"


def fail(response: FakeResponse | Exception, **options: Any) -> ActionError:
    """The error of a call, which was reported once and left no response open."""
    errors: list[ActionError] = []

    async def main() -> None:
        handle = use_stream_action(URL, client=FakeTransport(response), on_error=errors.append, **options)
        await handle.execute()
        assert (handle.status, handle.complete) == ("error", False)
        assert errors == [handle.error]
        if isinstance(response, FakeResponse):
            assert response.closed.is_set()

    run(main)
    return errors[0]


def test_no_connection() -> None:
    cause = ConnectFailedError("refused")
    error = fail(cause)
    assert (error.code, error.status_code) == ("CONNECTION_ERROR", 502)
    assert "refused" in error.message
    assert error.__cause__ is cause


def test_http_error_with_our_error_object_keeps_the_real_status() -> None:
    body = {"code": "VALIDATION_ERROR", "message": "Input validation failed", "statusCode": 400}
    body["fieldErrors"] = {"a.b": ["too short"]}
    error = fail(FakeResponse(json.dumps(body).encode(), status=422, content_type="application/json"))
    # One server of ours passes another's words on.
    assert error.to_wire() == {**body, "statusCode": 422}
    assert (error.code, error.message, error.status_code, error.field_errors) == (
        "VALIDATION_ERROR",
        "Input validation failed",
        422,
        {"a.b": ["too short"]},
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<html>secret</html>",
        b"",
        b"[1]",
        b'{"code":1,"ok":false}',
        b'{"error":true}',
        b'{"error":{"code":"x"}}',
    ],
)
def test_any_other_http_error_says_the_real_status_and_nothing_of_its_body(body: bytes) -> None:
    error = fail(FakeResponse(body, status=503, content_type="text/html"))
    assert (error.code, error.status_code) == ("HTTP_ERROR", 503)
    assert error.message == "The server answered HTTP 503 Service Unavailable"


PYDANTIC_ERRORS = [
    {"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": {}},
    {"type": "int", "loc": ["query", 0], "msg": "not a number"},
]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "maximum context length is 8192 tokens", "code": "c"}}, "maximum context "),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "Overloaded"),
        (
            [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID"}}],
            "API key not valid.",
        ),
        ({"error": "model 'x' not found"}, "model 'x' not found"),
        ({"error": {"code": "x", "innererror": {}, "message": "filtered"}}, "filtered"),
        ({"detail": "Not authenticated"}, "Not authenticated"),
        ({"detail": PYDANTIC_ERRORS}, "body.prompt: Field required; query.0: not a number"),
        ({"detail": {"error": {"message": "inner"}}}, "inner"),
        ({"type": "about:blank", "title": "Out of credit", "detail": "It costs 50"}, "It costs 50"),
        ({"type": "about:blank", "title": "Out of credit"}, "Out of credit"),
        ({"object": "error", "message": "too long", "param": None}, "too long"),
        ({"statusCode": 400, "error": "Bad Request", "message": ["a is bad", "b is"]}, "a is bad; b is"),
        ({"error": "invalid_token", "error_description": "It expired"}, "It expired"),
        ({"Message": "from a cloud"}, "from a cloud"),
        ({"errors": [{"message": "one"}, "two"]}, "one; two"),
        ({"error": True, "message": "h3"}, "h3"),
        ("just text", "just text"),
        ({"error": {"message": "two\nlines"}}, "two lines"),
    ],
)
def test_an_apis_own_words_are_the_message_and_stay_here(body: Any, words: str) -> None:
    response = FakeResponse(
        json.dumps(body).encode(),
        status=429,
        content_type="application/problem+json",
        headers={"retry-after": "7"},
    )
    error = fail(response)
    assert error.message.startswith(words)
    assert (error.code, error.status_code, error.field_errors) == ("HTTP_ERROR", 429, None)
    assert isinstance(error, HTTPStatusError)
    assert error.response_status == 429
    assert error.response_headers["Retry-After"] == "7"
    assert json.loads(error.response_body) == body
    # A server that raises it says what it has always said.
    assert error.to_wire() == {
        "code": "HTTP_ERROR",
        "message": "The server answered HTTP 429 Too Many Requests",
        "statusCode": 429,
    }
    for copied in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert copied.to_wire() == error.to_wire()
        assert (copied.message, copied.response_body) == (error.message, error.response_body)


def test_a_handler_that_lets_an_upstreams_error_pass_tells_the_status_alone() -> None:
    body = b'{"error":{"message":"Incorrect API key provided: sk-secret"}}'

    @define_stream_action()
    async def relay(stream: Stream) -> None:
        upstream = FakeTransport(FakeResponse(body, status=401, headers={"x-account": "sk-secret"}))
        async with open_event_stream("GET", URL, client=upstream):
            pytest.fail("it opened")

    async def main() -> None:
        transport = InProcessTransport(StreamActions([relay]))
        handle = use_stream_action(relay, base_url="http://app", client=transport)
        await handle.execute()
        assert handle.error is not None
        assert handle.error.code == "HTTP_ERROR"
        assert handle.error.message == "The server answered HTTP 401 Unauthorized"
        assert "sk-secret" not in str(handle.error.to_wire())

    run(main)


def test_a_text_is_an_apis_own_words_and_a_page_is_not() -> None:
    for content_type, message in (
        ("text/plain; charset=utf-8", "no healthy upstream"),
        ("text/html", "The server answered HTTP 503 Service Unavailable"),
    ):
        error = fail(FakeResponse(b"no healthy upstream\n", status=503, content_type=content_type))
        assert error.message == message
        assert isinstance(error, HTTPStatusError)
        assert error.response_body == b"no healthy upstream\n"


def test_words_and_bodies_are_bounded() -> None:
    error = fail(FakeResponse(*[b"x" * 60_000] * 2, status=500, content_type="text/plain"))
    assert isinstance(error, HTTPStatusError)
    assert len(error.message) == http_failure.MAX_WORDS_CHARS + 1
    assert len(error.response_body) == response_module.MAX_ERROR_BODY_BYTES
    deep: Any = "words"
    for _ in range(http_failure.MAX_WORDS_DEPTH + 1):
        deep = {"error": deep}
    error = fail(FakeResponse(json.dumps(deep).encode(), status=500))
    assert error.message == "The server answered HTTP 500 Internal Server Error"
    many = {"errors": ["x"] * (http_failure.MAX_WORDS_PARTS + 1)}
    error = fail(FakeResponse(json.dumps(many).encode(), status=500))
    assert error.message.count("x") == http_failure.MAX_WORDS_PARTS


def test_an_error_object_without_a_status_is_read_and_stays_here() -> None:
    error = fail(FakeResponse(b'{"code":"no_credit","message":"key sk-1 has none"}', status=402))
    assert (error.code, error.message, error.status_code) == ("no_credit", "key sk-1 has none", 402)
    assert "sk-1" not in json.dumps(error.to_wire())
    assert "sk-1" not in repr(error.to_wire())


def test_http_error_whose_body_breaks_or_never_ends() -> None:
    assert fail(FakeResponse(b'{"code"', BodyBrokenError("cut"), status=500)).code == "HTTP_ERROR"
    assert fail(FakeResponse(*[b"x" * 60_000] * 2, HANG, status=599)).status_code == 599


def test_http_error_whose_body_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_module, "MAX_ERROR_BODY_S", 0.05)
    for timeout in (None, 60):
        error = fail(FakeResponse(b'{"code"', HANG, status=503), timeout=timeout)
        assert (error.code, error.status_code) == ("HTTP_ERROR", 503)
    # A limit of the call that is reached before says so.
    assert fail(FakeResponse(HANG, status=503), timeout=0.01).code == "TIMEOUT_ERROR"


@pytest.mark.parametrize("status", [100, 304, 307, 600])
def test_a_status_that_is_neither_success_nor_error(status: int) -> None:
    error = fail(FakeResponse(status=status, headers={"location": "http://test/other"}))
    assert (error.code, error.status_code) == ("HTTP_ERROR", 502)
    assert str(status) in error.message
    assert "http://test/other" in error.message


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/html; charset=utf-8",
        "text/event-streams",
        "text/event-stream, text/html",
        "text/event-stream x",
        "*/*",
        ",",
        None,
    ],
)
def test_a_response_that_is_no_event_stream(content_type: str | None) -> None:
    error = fail(FakeResponse(chunk(1), DONE, content_type=content_type))
    assert (error.code, error.status_code) == ("NOT_AN_EVENT_STREAM", 502)
    assert (content_type or "no content-type") in error.message


@pytest.mark.parametrize(
    "content_type",
    [
        "text/event-stream; charset=utf-8",
        "Text/Event-Stream",
        "text/event-stream ;charset=utf-8",
        "text/event-stream, text/event-stream",
        "text/html, text/event-stream;charset=utf-8",
        "text/event-stream, */*",
        "text/event-stream,, junk",
        'text/event-stream; a="x, text/html"',
        'text/event-stream; a="x\\", text/html',
    ],
)
def test_content_type_parameters_and_case_do_not_matter(content_type: str) -> None:
    async def main() -> None:
        handle = use_stream_action(URL, client=FakeTransport(FakeResponse(DONE, content_type=content_type)))
        await handle.execute()
        assert handle.status == "done"

    run(main)


def test_a_chunk_that_is_not_json() -> None:
    error = fail(FakeResponse(b"data: hello\n\n", DONE))
    assert (error.code, error.status_code) == ("INVALID_CHUNK", 502)
    assert isinstance(error.__cause__, ValueError)


def test_a_body_without_its_end_event() -> None:
    assert fail(FakeResponse()).code == "STREAM_INCOMPLETE"
    assert fail(FakeResponse(chunk(1), DONE[:-1])).code == "STREAM_INCOMPLETE"


def test_a_body_that_breaks_names_its_cause() -> None:
    cause = BodyBrokenError("reset")
    error = fail(FakeResponse(chunk(1), cause))
    assert (error.code, error.status_code) == ("STREAM_INCOMPLETE", 502)
    assert error.__cause__ is cause


def test_an_event_over_max_event_bytes() -> None:
    error = fail(FakeResponse(b"data: " + b"x" * 200, HANG), max_event_bytes=100)
    assert (error.code, error.status_code) == ("EVENT_TOO_LARGE", 502)
    assert "100 bytes (max_event_bytes)" in error.message


def test_timeout_says_how_long_and_idle_timeout_too() -> None:
    error = fail(FakeResponse(chunk(1), HANG), timeout=0.05)
    assert (error.code, error.status_code) == ("TIMEOUT_ERROR", 408)
    assert error.message == "The stream timed out after 0.05 seconds"
    error = fail(FakeResponse(chunk(1), HANG), timeout=1000, idle_timeout_s=0.05)
    assert (error.code, error.status_code) == ("TIMEOUT_ERROR", 408)
    assert error.message == "The stream was idle for 0.05 seconds"


def test_timeout_meets_a_body_that_never_pauses() -> None:
    error = fail(FakeResponse(*[chunk(1)] * 1_000_000), timeout=0.05, keep_chunks=False)
    assert error.code == "TIMEOUT_ERROR"


def test_a_timeout_that_the_transport_itself_raises_is_not_taken_for_ours() -> None:
    async def main() -> None:
        handle = use_stream_action(
            URL, client=FakeTransport(FakeResponse(TimeoutError("theirs"))), timeout=1000
        )
        with pytest.raises(TimeoutError, match="theirs"):
            await handle.execute()

    run(main)
