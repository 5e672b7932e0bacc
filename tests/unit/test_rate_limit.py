"""The rate limit, on a clock that the test moves."""

import asyncio
from collections.abc import Hashable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from streamactions import ActionError, DefinitionError, Middleware, rate_limit_middleware
from streamactions.middleware.rate_limit import SlidingWindow


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def request(host: str | None = "1.2.3.4") -> Request:
    client = None if host is None else (host, 1)
    return Request({"type": "http", "method": "POST", "headers": [], "client": client})


async def _next(ctx: Any = None) -> dict[str, Any]:
    return {"passed": True}


def passes(middleware: Middleware, event: Request) -> bool:
    try:
        context = asyncio.run(middleware(event=event, ctx={}, metadata={}, next=_next))
    except ActionError as error:
        return (error.code, error.status_code) != ("RATE_LIMITED", 429)
    return bool(context["passed"])


def test_so_many_calls_pass_in_a_window() -> None:
    clock = Clock()
    limit = rate_limit_middleware(2, 10, clock_s=clock)
    assert [passes(limit, request()) for _ in range(4)] == [True, True, False, False]
    clock.now_s = 9.9
    assert not passes(limit, request())
    clock.now_s = 10
    assert [passes(limit, request()) for _ in range(3)] == [True, True, False]


def test_the_window_slides() -> None:
    clock = Clock()
    limit = rate_limit_middleware(2, 10, clock_s=clock)
    passed = []
    for clock.now_s in (0, 9, 10, 11, 19, 20):
        passed.append(passes(limit, request()))
    assert passed == [True, True, True, False, True, True]


def test_each_key_has_its_own_window() -> None:
    limit = rate_limit_middleware(1, 10, clock_s=Clock())
    hosts = ["a", "b", None, "a", "b", None]
    assert [passes(limit, request(host)) for host in hosts] == [True, True, True, False, False, False]


def test_a_key_may_be_found_asynchronously() -> None:
    async def key(event: Request) -> Hashable:
        return "everybody"

    limit = rate_limit_middleware(1, 10, key=key, clock_s=Clock())
    assert [passes(limit, request(host)) for host in ("a", "b")] == [True, False]


def test_a_coroutine_that_was_not_awaited_is_no_key_of_its_own() -> None:
    async def find(event: Request) -> Hashable:
        return "everybody"

    async def key(event: Request) -> Any:
        return find(event)

    limit = rate_limit_middleware(1, 10, key=key, clock_s=Clock())
    assert [passes(limit, request(host)) for host in ("a", "b")] == [True, False]


def test_the_refusal_says_when_to_try_again() -> None:
    limit = rate_limit_middleware(1, 9.5, message="Slow down", clock_s=Clock())
    passes(limit, request())
    with pytest.raises(ActionError, match="Slow down: try again in 10 s"):
        asyncio.run(limit(event=request(), ctx={}, metadata={}, next=_next))


@pytest.mark.parametrize("arguments", [(0, 10), (1, 0), (1, -1)])
def test_a_limit_that_is_none(arguments: tuple[int, float]) -> None:
    with pytest.raises(DefinitionError, match="write a number above 0"):
        rate_limit_middleware(*arguments)
    with pytest.raises(DefinitionError):
        rate_limit_middleware(1, 1, max_keys=0)


MAX_KEYS: Final = 50


def test_the_keys_are_bounded() -> None:
    window = SlidingWindow(1, 10, MAX_KEYS)
    for i in range(1000):
        window.wait_s(i, i / 1000)
        assert len(window) <= MAX_KEYS
    # The latest are still held to their limit.
    assert window.wait_s(999, 1) > 0


def test_a_refused_call_takes_no_key() -> None:
    window = SlidingWindow(1, 10, MAX_KEYS)
    window.wait_s("a", 0)
    for i in range(100):
        assert window.wait_s("a", i / 100) > 0
    assert len(window) == 1


def test_keys_that_have_gone_quiet_are_forgotten() -> None:
    window = SlidingWindow(1, 10, MAX_KEYS)
    for i in range(MAX_KEYS):
        window.wait_s(i, 0)
    for i in range(MAX_KEYS):
        window.wait_s("other", 11 + 11 * i)
    assert len(window) == 1


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 30).map(lambda n: n / 10), st.sampled_from("ab")), max_size=60),
)
def test_it_is_what_a_list_of_all_times_would_do(limit: int, calls: list[tuple[float, str]]) -> None:
    window, passed, now_s = SlidingWindow(limit, 5, MAX_KEYS), dict[str, list[float]](), 0.0
    for pause_s, key in calls:
        now_s += pause_s
        recent = [at_s for at_s in passed.get(key, []) if at_s + 5 > now_s]
        assert (window.wait_s(key, now_s) == 0) == (len(recent) < limit)
        if len(recent) < limit:
            passed.setdefault(key, []).append(now_s)


def test_one_who_has_many_addresses_is_one() -> None:
    limit = rate_limit_middleware(1, 10, clock_s=Clock())
    hosts = ["2001:db8::1", "2001:db8::ffff:2", "::ffff:1.2.3.4", "1.2.3.4", "2001:db8:0:1::1"]
    assert [passes(limit, request(host)) for host in hosts] == [True, False, True, False, True]
