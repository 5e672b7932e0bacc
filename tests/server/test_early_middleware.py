"""Middleware that runs before the input is read: who may not call learns that, and nothing else."""

import json

import pytest

from server.raw_client import RawClient
from server.refused import refused, refused_in_stream
from server.served import Answer, Served
from streamactions import Middleware, auth_middleware, define_middleware

BAD = {"number": "many"}


def test_who_is_nobody_gets_401_whatever_the_input_is(granian: Served) -> None:
    for options in ({"value": BAD}, {"body": b"{"}, {"body": b"x" * 2_000_000}):
        status, error = refused(granian.call("early-auth", accept="*/*", **options))
        assert (status, error["code"]) == (401, "UNAUTHORIZED")
    assert refused_in_stream(granian.call("early-auth", BAD))["code"] == "UNAUTHORIZED"


def test_who_is_known_is_told_of_the_input(granian: Served) -> None:
    answer = granian.call("early-auth", BAD, accept="*/*", headers={"x-user": "ada"})
    assert refused(answer)[0] == 422


def test_it_runs_in_its_order_before_the_others(granian: Served) -> None:
    (chunk,) = granian.call("early-auth", {"number": 1}, headers={"x-user": "ada"}).chunks()
    assert chunk == {
        "input": {"number": 1},
        "ctx": {"user": "ada", "before": ["user"], "after": ["before", "user"]},
    }


def test_bad_inputs_are_counted_by_the_rate_limit(granian: Served, run: str) -> None:
    statuses = [
        granian.call("early-limit", BAD, accept="*/*", headers={"x-user": run}).status for _ in range(3)
    ]
    assert statuses == [422, 422, 429]


def test_another_site_is_refused_before_its_input_is_read(granian: Served) -> None:
    answer = granian.call("early-site", BAD, accept="*/*", headers={"sec-fetch-site": "cross-site"})
    assert refused(answer)[1]["code"] == "CSRF_ERROR"


def test_it_may_read_the_body_itself(granian: Served) -> None:
    (chunk,) = granian.call("early-body", {"number": 7}).chunks()
    assert chunk == {"input": {"number": 7}, "ctx": {"user": "7"}}
    assert refused(granian.call("early-body", {}, accept="*/*"))[0] == 401


def test_a_body_that_it_reads_keeps_its_bounds(granian: Served) -> None:
    assert refused(granian.call("early-body", body=b" " * 2_000_000, accept="*/*"))[0] == 413
    headers = {"content-type": "text/plain"}
    assert refused(granian.call("early-body", body=b"{}", accept="*/*", headers=headers))[0] == 415


def test_a_client_that_leaves_while_it_reads_the_body_leaves_nothing_behind(granian: Served) -> None:
    with RawClient(granian.port) as client:
        head = f"POST {granian.path('early-body')} HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n"
        client.send(head.encode() + b"content-type: application/json\r\n\r\n{")
    # The fixture waits until nothing of the call is left.
    assert granian.call("early-body", {"number": 7}).status == 200


def test_who_wants_the_old_order_says_so(granian: Served) -> None:
    assert refused(granian.call("late-auth", BAD, accept="*/*"))[0] == 422


def test_a_middleware_is_moved_and_not_changed() -> None:
    auth = auth_middleware(lambda event: "ada")
    assert auth.before_input
    late = define_middleware(auth, before_input=False)
    assert isinstance(late, Middleware)
    assert (late.before_input, auth.before_input, late.name) == (False, True, "auth")
    assert define_middleware(auth) is auth
    assert define_middleware(auth, before_input=True) is auth


# --- Refusals of bodies that are still being written -------------------------------------------------


def write_first(granian: Served, head: str, body: bytes) -> Answer:
    """What a client gets that reads nothing before all is written, as most do."""
    with RawClient(granian.port) as client:
        client.send(head.encode() + body)
        data = client.read_body()
        return Answer(client.response.status, client.response.headers, data)


def head_of(path: str, *fields: str, method: str = "POST") -> str:
    lines = [f"{method} {path} HTTP/1.1", "host: test", "accept: application/json", *fields, "", ""]
    return "\r\n".join(lines)


JSON = "content-type: application/json"


@pytest.mark.parametrize(
    ("action", "method", "content_type", "status"),
    [
        ("early-site", "POST", JSON, 413),
        ("early-site", "POST", "content-type: text/plain", 413),
        ("early-auth", "POST", JSON, 401),
        ("early-auth", "PUT", JSON, 405),
        ("greet", "POST", JSON, 405),
        ("nothing", "POST", JSON, 404),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("size_bytes", [2_000_000, 16_000_000])
def test_a_refusal_reaches_who_still_writes(
    granian: Served,
    action: str,
    method: str,
    content_type: str,
    status: int,
    is_chunked: bool,
    size_bytes: int,
) -> None:
    body = b" " * size_bytes
    length = "transfer-encoding: chunked" if is_chunked else f"content-length: {size_bytes}"
    if is_chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (size_bytes, body)
    answer = write_first(granian, head_of(granian.path(action), length, content_type, method=method), body)
    if is_chunked and content_type != JSON:
        status = 415
    assert answer.status == status
    assert json.loads(answer.body)["statusCode"] == status


def test_who_asks_before_sending_is_answered_without_it(granian: Served) -> None:
    with RawClient(granian.port) as client:
        fields = ("content-length: 2000000", JSON, "expect: 100-continue")
        client.send(head_of(granian.path("early-site"), *fields).encode())
        assert client.read_head().status == 413


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "GZIP"])
@pytest.mark.parametrize("body", [b"\x1f\x8b\x08", b"{}"])
def test_a_body_in_a_coding_is_refused_by_its_name(granian: Served, coding: str, body: bytes) -> None:
    answer = granian.call("echo", body=body, accept="*/*", headers={"content-encoding": coding})
    status, error = refused(answer)
    assert (status, error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert coding in error["message"]


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_the_coding_that_is_none_is_read(granian: Served, coding: str) -> None:
    assert granian.call("echo", {"chunks": [1]}, headers={"content-encoding": coding}).chunks() == [1]
