"""Every way a stream can fail, as the one error type; through a transport without a network."""

import json
from typing import Any

import pytest
from client_runner import run
from fake_transport import DONE, HANG, FakeResponse, FakeTransport, chunk

from streamactions.client import BodyBrokenError, ConnectFailedError, use_stream_action
from streamactions.client import response as response_module
from streamactions.errors import ActionError

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
    assert (error.code, error.message, error.status_code, error.field_errors) == (
        "VALIDATION_ERROR",
        "Input validation failed",
        422,
        {"a.b": ["too short"]},
    )


@pytest.mark.parametrize(
    "body",
    [b"<html>secret</html>", b"", b"[1]", b'{"code":1,"message":"m"}', b'{"error":true,"message":"h3"}'],
)
def test_any_other_http_error_says_the_real_status_and_nothing_of_its_body(body: bytes) -> None:
    error = fail(FakeResponse(body, status=503, content_type="text/html"))
    assert (error.code, error.status_code) == ("HTTP_ERROR", 503)
    assert error.message == "The server answered HTTP 503 Service Unavailable"


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
    "content_type", ["application/json", "text/html; charset=utf-8", "text/event-streams", None]
)
def test_a_response_that_is_no_event_stream(content_type: str | None) -> None:
    error = fail(FakeResponse(chunk(1), DONE, content_type=content_type))
    assert (error.code, error.status_code) == ("NOT_AN_EVENT_STREAM", 502)
    assert (content_type or "no content-type") in error.message


@pytest.mark.parametrize("content_type", ["text/event-stream; charset=utf-8", "Text/Event-Stream"])
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
