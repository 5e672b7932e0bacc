"""Calls that fail before their stream opens: told in a stream to those who accept one, else by a status."""

import json
from typing import Any

import pytest

from server.raw_client import EVENT_STREAM, RawClient
from server.refused import refused, refused_in_stream
from server.served import Answer, Served, chunk_frame

AS_JSON = ["*/*", "application/json", "text/html, */*;q=0.8", None]


BAD_ORDER = {"user": {"email": 1, "address": {"zip_code": "1"}}, "items": [{"count": 1}, {"count": "x"}]}


@pytest.mark.parametrize("accept", AS_JSON)
def test_a_bad_input_is_told_by_field(granian: Served, accept: str | None) -> None:
    status, error = refused(granian.call("order", BAD_ORDER, accept=accept))
    assert status == 422
    assert list(error) == ["code", "message", "statusCode", "fieldErrors"]
    assert (error["code"], error["message"]) == ("VALIDATION_ERROR", "Input validation failed")
    assert set(error["fieldErrors"]) == {"user.email", "user.address.zip_code", "items.1.count"}
    assert error["fieldErrors"]["user.address.zip_code"] == ["String should have at least 5 characters"]


@pytest.mark.parametrize(
    "accept", [EVENT_STREAM, "application/json, text/event-stream", "Text/Event-Stream; q=0.5, */*"]
)
def test_a_bad_input_is_told_in_the_stream(granian: Served, accept: str) -> None:
    in_stream = refused_in_stream(granian.call("order", BAD_ORDER, accept=accept))
    assert in_stream == refused(granian.call("order", BAD_ORDER, accept="*/*"))[1]


def test_an_event_stream_of_no_quality_is_not_accepted(granian: Served) -> None:
    assert granian.call("order", BAD_ORDER, accept="text/event-stream;q=0, */*").status == 422


@pytest.mark.parametrize("value", [[], "text", 1, None])
def test_an_input_of_another_kind_is_a_bad_input(granian: Served, value: Any) -> None:
    status, error = refused(granian.call("order", body=json.dumps(value).encode(), accept="*/*"))
    assert (status, error["code"]) == (422, "VALIDATION_ERROR")
    assert error["fieldErrors"]


def test_a_bad_input_is_not_repeated(granian: Served, run: str) -> None:
    value = {"user": {"email": [run], "address": {"zip_code": {run: run}}}}
    assert run.encode() not in granian.call("order", value).body


def test_a_good_input_arrives(granian: Served) -> None:
    value = {"user": {"email": "a@b", "address": {"zip_code": "12345"}}, "items": [{"count": 2}]}
    assert granian.call("order", value).chunks() == [value]


@pytest.mark.parametrize("action", ["order", "echo"])
@pytest.mark.parametrize("body", [b"{", b'{"a":1}}', b"{'a': 1}", b"\xff", b'"\xff"', b" "])
def test_broken_json(granian: Served, action: str, body: bytes) -> None:
    status, error = refused(granian.call(action, body=body, accept="*/*"))
    assert (status, error["code"]) == (400, "INVALID_JSON")
    assert "fieldErrors" not in error
    assert refused_in_stream(granian.call(action, body=body)) == error


def test_no_body_counts_as_an_empty_object(granian: Served) -> None:
    assert granian.call("order", body=b"", accept="*/*").status == 422
    with RawClient(granian.port) as client:
        client.send(b"POST %b HTTP/1.1\r\nhost: test\r\n\r\n" % granian.path("guarded").encode())
        assert client.read_head().status == 401


@pytest.mark.parametrize("path", ["/api/_actions/nothing", "/api/_actions", "/api/_actions/", "/", "/echo"])
def test_an_unknown_path(granian: Served, path: str) -> None:
    with RawClient(granian.port) as client:
        client.request(path, accept="*/*")
        body = client.read_body()
        status, error = refused(Answer(client.response.status, client.response.headers, body))
    assert (status, error["code"]) == (404, "NOT_FOUND")
    assert path == "/" or path not in error["message"]


def test_an_unknown_path_in_the_stream(granian: Served) -> None:
    assert refused_in_stream(granian.call("nothing"))["statusCode"] == 404


@pytest.mark.parametrize(
    ("action", "method", "allowed"),
    [("echo", "GET", "POST"), ("echo", "PUT", "POST"), ("greet", "POST", "GET")],
)
def test_another_method(granian: Served, action: str, method: str, allowed: str) -> None:
    answer = granian.call(action, method=method, accept="*/*")
    status, error = refused(answer)
    assert (status, error["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert [value for name, value in answer.headers if name == "allow"] == [allowed]


def test_another_method_in_the_stream(granian: Served) -> None:
    assert refused_in_stream(granian.call("echo", method="PUT"))["code"] == "METHOD_NOT_ALLOWED"


def head(granian: Served, *fields: str) -> bytes:
    lines = [f"POST {granian.path('echo')} HTTP/1.1", "host: test", *fields]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def test_a_large_body_is_refused_by_its_length(granian: Served) -> None:
    with RawClient(granian.port) as client:
        client.send(head(granian, "content-type: application/json", "content-length: 1048577"))
        # Nothing of the body is sent, so the answer did not wait for it.
        assert client.read_head().status == 413
        assert json.loads(client.read_body())["code"] == "PAYLOAD_TOO_LARGE"


def test_a_large_body_is_refused_in_the_stream(granian: Served) -> None:
    with RawClient(granian.port) as client:
        accept = f"accept: {EVENT_STREAM}"
        client.send(head(granian, "content-type: application/json", "content-length: 9999999", accept))
        assert client.read_body().startswith(b'event: error\ndata: {"code":"PAYLOAD_TOO_LARGE",')


def test_a_large_body_without_a_length_is_refused_while_it_is_read(granian: Served) -> None:
    with RawClient(granian.port) as client:
        client.send(head(granian, "content-type: application/json", "transfer-encoding: chunked"))
        client.send(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        client.send(b"1\r\n \r\n")
        # The last piece is never sent.
        assert client.read_head().status == 413


def test_a_body_may_be_as_large_as_the_bound(granian: Served) -> None:
    body = b'{"chunks":["%b"]}' % (b"x" * (1024 * 1024 - 15))
    assert len(body) == 1024 * 1024
    assert len(granian.call("echo", body=body).chunks()[0]) == 1024 * 1024 - 15
    assert granian.call("echo", body=body + b" ", accept="*/*").status == 413


def test_a_body_in_pieces_is_read(granian: Served) -> None:
    with RawClient(granian.port) as client:
        client.send(head(granian, "content-type: application/json", "transfer-encoding: chunked"))
        for piece in (b'{"chunks"', b":[1,", b"2]}"):
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        client.send(b"0\r\n\r\n")
        assert client.read_frame() + client.read_frame() == chunk_frame(1) + chunk_frame(2)


OTHER_TYPES = [
    "text/plain",
    "text/plain; application/json",
    "text/plain;application/json",
    "text/plain, application/json",
    "application/json, text/plain",
    "application/json-evil",
    "application/jsonp",
    "application/x, text/plain+json",
    "application/+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    "application/json\u00a0",
    "text/json+json",
    "json",
    "",
]


@pytest.mark.parametrize("content_type", OTHER_TYPES)
def test_another_content_type(granian: Served, content_type: str) -> None:
    headers = {"content-type": content_type}
    status, error = refused(granian.call("echo", {"chunks": []}, accept="*/*", headers=headers))
    assert (status, error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def send(client: RawClient, granian: Served, body: bytes, *fields: str, chunked: bool) -> int:
    """The status of a call that has exactly these fields."""
    if chunked:
        framing, body = "transfer-encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        body = body.removeprefix(b"0\r\n\r\n")
    else:
        framing = f"content-length: {len(body)}"
    client.send(head(granian, *fields, framing) + body)
    return client.read_head().status


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([], 415),
        (["content-type: application/json"], 200),
        (["content-type: application/json", "content-type: application/json"], 200),
        (["content-type: application/json", "content-type: text/plain"], 415),
        (["content-type: text/plain", "content-type: application/json"], 415),
    ],
)
def test_a_body_has_to_say_that_it_is_json(
    granian: Served, fields: list[str], status: int, chunked: bool
) -> None:
    """A page of another site may send a body without a type, or as text, without asking first."""
    with RawClient(granian.port) as client:
        assert send(client, granian, b'{"chunks":[]}', *fields, chunked=chunked) == status


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("fields", [[], ["content-type: text/plain"], ["content-type: application/json"]])
def test_an_empty_body_says_nothing_and_needs_no_type(
    granian: Served, fields: list[str], chunked: bool
) -> None:
    with RawClient(granian.port) as client:
        assert send(client, granian, b"", *fields, chunked=chunked) == 200


@pytest.mark.parametrize("chunked", [True, False])
def test_an_app_may_take_what_has_no_type(options_server: Served, chunked: bool) -> None:
    for fields, status in (([], 200), (["content-type: text/plain"], 415)):
        with RawClient(options_server.port) as client:
            assert send(client, options_server, b'{"chunks":[]}', *fields, chunked=chunked) == status


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json ;a=b",
        "application/vnd.api+json",
        "application/problem+JSON;x",
    ],
)
def test_a_content_type_is_read_as_http_has_it(granian: Served, content_type: str) -> None:
    headers = {"content-type": content_type}
    assert granian.call("echo", {"chunks": [1]}, headers=headers).chunks() == [1]


def test_a_client_that_leaves_within_its_request_leaves_nothing(granian: Served) -> None:
    with RawClient(granian.port) as client:
        client.send(head(granian, "content-type: application/json", "content-length: 1000") + b'{"chunks"')
        client.reset()
