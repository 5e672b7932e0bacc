"""Headers and cookies that errors, middleware and handlers send."""

import json
import pickle
from typing import Any

import pytest

from server.raw_client import EVENT_STREAM
from server.served import Answer, Served
from streamactions import ActionError, DefinitionError, auth_middleware, create_action_error


def values(answer: Answer, name: str) -> list[str]:
    return [value for field, value in answer.headers if field == name]


@pytest.mark.parametrize("accept", ["*/*", EVENT_STREAM])
def test_a_refusal_carries_the_headers_of_its_error(granian: Served, run: str, accept: str) -> None:
    headers = {"x-user": run, "x-request-id": run}
    assert values(granian.call("challenged", accept=accept), "www-authenticate") == ["Bearer"]
    assert values(granian.call("challenged-basic", accept=accept), "www-authenticate") == [
        'Basic realm="app"'
    ]
    granian.call("limited-once", headers=headers)
    limited = granian.call("limited-once", accept=accept, headers=headers)
    assert 0 < int(values(limited, "retry-after")[0]) <= 3600
    refused = granian.call("named-refusal", accept=accept, headers=headers)
    assert values(refused, "retry-after") == ["7"]
    # Of two headers of a name, the error's.
    assert values(refused, "x-request-id") == ["other"]
    assert values(refused, "set-cookie") == ["seen=1; Path=/; SameSite=lax"]
    assert b"etry-" not in refused.body


def test_a_415_says_what_is_read(granian: Served) -> None:
    answer = granian.call("echo", accept="*/*", headers={"content-encoding": "gzip"})
    assert values(answer, "accept-encoding") == ["identity"]
    answer = granian.call("echo", accept="*/*", headers={"content-type": "text/plain"})
    assert values(answer, "accept") == ["application/json"]


def test_what_middleware_sets_goes_with_the_stream(granian: Served, run: str) -> None:
    answer = granian.call("named-call", headers={"x-request-id": run})
    assert values(answer, "x-request-id") == [run]
    assert values(answer, "set-cookie") == ["seen=1; Path=/; SameSite=lax"]
    assert values(answer, "content-type") == [EVENT_STREAM]
    assert answer.chunks() == [1]


def test_a_handler_sets_headers_before_its_first_chunk(granian: Served) -> None:
    answer = granian.call("sets-headers")
    assert values(answer, "x-model") == ["small"]
    assert values(answer, "cache-control") == ["no-store"]
    assert values(answer, "content-type") == [EVENT_STREAM]
    assert [cookie.partition(";")[0] for cookie in values(answer, "set-cookie")] == ["a=1", "b=2"]
    first, late = answer.chunks()
    assert (first, "before the first chunk" in late) == (1, True)


@pytest.mark.parametrize("action", ["sets-headers-and-ends", "sets-headers-and-fails"])
def test_the_head_is_sent_where_nothing_else_is(granian: Served, action: str) -> None:
    answer = granian.call(action)
    assert (answer.status, len(values(answer, "x-model"))) == (200, 1)
    assert answer.events()[-1].event in ("done", "error")


def test_the_head_comes_with_the_first_keep_alive(granian: Served, run: str) -> None:
    with granian.open("sets-headers-late", {"run": run}) as client:
        assert ("x-model", "slow") in client.response.headers
        granian.say(run, "go")
        assert b"data: 1\n\n" in client.read_body()


def test_a_client_that_leaves_before_the_head_leaves_nothing_behind(granian: Served, run: str) -> None:
    granian.open("sets-headers-late", {"run": run}).close()


def test_what_cannot_be_sent_cannot_be_set(granian: Served) -> None:
    (told,) = granian.call("sets-wrong-headers").chunks()
    assert told[:4] == ["ValueError"] * 3 + ["UnicodeEncodeError"]
    assert "raise create_action_error" in told[4]


# --- The error itself ----------------------------------------------------------------------------


def test_an_error_keeps_its_headers_and_tells_them_to_no_reader() -> None:
    given = {"Retry-After": "5"}
    error = create_action_error("A", "b", 429, headers=given)
    given["Retry-After"] = "6"
    copy = pickle.loads(pickle.dumps(error))
    assert error.headers == copy.headers == {"Retry-After": "5"}
    assert "headers" not in json.dumps(error.to_wire())
    assert repr(error) == "ActionError('A', 'b', 429, None, {'Retry-After': '5'})"
    assert create_action_error("A", "b").headers is None
    assert ActionError.from_wire({"code": "A", "message": "b", "headers": given}).headers is None


@pytest.mark.parametrize(
    ("headers", "error", "text"),
    [
        ({"x": "a\r\nb: c"}, ValueError, "line break"),
        ({"x": "a\0"}, ValueError, "line break or NUL"),
        ({"x\n": "a"}, ValueError, "no name"),
        ({"x: y": "a"}, ValueError, "no name"),
        ({"": "a"}, ValueError, "no name"),
        ({"x": "\N{SNOWMAN}"}, ValueError, "ISO 8859-1"),
        ({"content-LENGTH": "5"}, ValueError, "set by the app"),
        ({"Transfer-Encoding": "chunked"}, ValueError, "set by the app"),
        ({"retry-after": 5}, TypeError, "str"),
        ({5: "a"}, TypeError, "str"),
        ([("a", "b")], TypeError, "dict"),
        ("a: b", TypeError, "dict"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused_where_the_error_is_made(
    headers: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        create_action_error("A", "b", headers=headers)


@pytest.mark.parametrize("challenge", ["a\r\nb", "\N{SNOWMAN}", 5])
def test_a_challenge_has_to_be_a_value(challenge: Any) -> None:
    with pytest.raises(DefinitionError, match="challenge"):
        auth_middleware(lambda event: None, challenge=challenge)
