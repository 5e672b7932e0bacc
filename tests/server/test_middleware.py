"""Middleware, before the stream opens: what it adds, what it refuses, and how it fails."""

from typing import Any

import pytest

from server.refused import refused, refused_in_stream
from server.served import Served, chunk_frame, error_frame

INTERNAL_ERROR = {"code": "INTERNAL_ERROR", "message": "An unexpected error occurred", "statusCode": 500}


def test_each_adds_to_the_context_and_the_later_wins(granian: Served) -> None:
    assert granian.call("chained").chunks() == [{"first": 1, "second": 2, "both": "second"}]


def test_who_is_nobody_is_refused(granian: Served) -> None:
    status, error = refused(granian.call("guarded", accept="*/*"))
    assert (status, error["code"]) == (401, "UNAUTHORIZED")
    assert refused_in_stream(granian.call("guarded")) == error


def test_who_is_known_is_in_the_context(granian: Served) -> None:
    assert granian.call("guarded", headers={"x-user": "ada"}).chunks() == [{"user": "ada"}]


def test_who_is_nobody_may_pass_where_it_is_optional(granian: Served) -> None:
    assert granian.call("greeted").chunks() == [{"user": None}]


def test_too_many_calls_are_refused(granian: Served, run: str) -> None:
    headers = {"x-user": run}
    assert [granian.call("limited", headers=headers).chunks() for _ in range(2)] == [[{}], [{}]]
    status, error = refused(granian.call("limited", headers=headers, accept="*/*"))
    assert (status, error["code"]) == (429, "RATE_LIMITED")
    assert granian.call("limited", headers={"x-user": f"another than {run}"}).chunks() == [{}]


def test_a_call_from_another_site_is_refused(granian: Served) -> None:
    headers = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    status, error = refused(granian.call("same-site", headers=headers, accept="*/*"))
    assert (status, error["code"]) == (403, "CSRF_ERROR")
    assert granian.call("same-site", headers={"origin": "http://test"}).chunks() == [{}]


def test_an_error_of_its_own_is_told_as_it_is(granian: Served, run: str) -> None:
    status, error = refused(granian.call("refusing", {"run": run}, accept="*/*"))
    assert (status, error) == (
        402,
        {"code": "PAYMENT_REQUIRED", "message": "Out of credit", "statusCode": 402},
    )
    assert granian.call("refusing", {"run": run}).body == error_frame(
        "PAYMENT_REQUIRED", "Out of credit", 402
    )
    assert granian.notes(run) == []


def test_one_that_raises_ends_the_call(granian: Served, run: str) -> None:
    assert refused(granian.call("raising", {"run": run}, accept="*/*")) == (500, INTERNAL_ERROR)
    assert granian.notes(run) == []
    granian.expect_logged_once(f"RuntimeError: secret {run}")


def test_one_that_raises_ends_the_call_in_the_stream(granian: Served, run: str) -> None:
    assert granian.call("raising", {"run": run}).body == b"event: error\n" + chunk_frame(INTERNAL_ERROR)
    granian.expect_logged_once(f"RuntimeError: secret {run}")


def test_one_that_raises_after_next_ends_the_call(granian: Served, run: str) -> None:
    assert refused_in_stream(granian.call("late", {"run": run})) == INTERNAL_ERROR
    assert granian.notes(run) == []
    granian.expect_logged_once(f"RuntimeError: secret {run}")


@pytest.mark.parametrize(("action", "name"), [("forgetful", "forgetful"), ("eager", "eager")])
def test_one_that_breaks_the_rules_ends_the_call(granian: Served, run: str, action: str, name: str) -> None:
    def complaints() -> list[str]:
        return [line for line in granian.log.lines_with("next()") if f"{name}()" in line]

    before = len(complaints())
    assert refused(granian.call(action, {"run": run}, accept="*/*")) == (500, INTERNAL_ERROR)
    assert granian.notes(run) == []
    # A call that is logged after this one has its own lines behind those of this one.
    granian.call("raising", {"run": run})
    granian.expect_logged_once(f"RuntimeError: secret {run}")
    assert len(complaints()) == before + 1


def test_nothing_internal_is_told(granian: Served, run: str) -> None:
    bodies: list[bytes] = []
    for action in ("raising", "forgetful", "eager", "late"):
        bodies += [granian.call(action, {"run": run}, accept=accept).body for accept in ("*/*", None)]
        bodies += [granian.call(action, {"run": run}).body]
    words: list[Any] = [run, "secret", "Traceback", "RuntimeError", "MiddlewareError", "next", "middleware"]
    assert [word for word in words if word.encode() in b"".join(bodies)] == []
