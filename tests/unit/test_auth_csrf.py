"""Who is calling, and whether another site has made the browser call."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from streamactions import (
    ActionError,
    DefinitionError,
    Middleware,
    auth_middleware,
    create_action_error,
    create_middleware,
    csrf_middleware,
    define_middleware,
)


def run(middleware: Middleware, method: str = "POST", **headers: str) -> dict[str, Any]:
    """The context that the middleware adds; raises what it raises."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    event = Request({"type": "http", "method": method, "headers": fields})

    async def next(*, ctx: dict[str, Any] | None = None) -> dict[str, Any]:
        return ctx or {}

    context: dict[str, Any] = asyncio.run(middleware(event=event, ctx={}, metadata={}, next=next))
    return context


def find_user(event: Request) -> str | None:
    return event.headers.get("x-user")


async def find_user_async(event: Request) -> str | None:
    return find_user(event)


@pytest.mark.parametrize("resolve", [find_user, find_user_async])
def test_the_user_is_in_the_context(resolve: Any) -> None:
    assert run(auth_middleware(resolve), x_user="ada") == {"user": "ada"}


@pytest.mark.parametrize("resolve", [find_user, find_user_async])
def test_nobody_is_refused(resolve: Any) -> None:
    with pytest.raises(ActionError) as refusal:
        run(auth_middleware(resolve))
    assert (refusal.value.code, refusal.value.status_code) == ("UNAUTHORIZED", 401)
    assert run(auth_middleware(resolve, optional=True)) == {"user": None}


@pytest.mark.parametrize("user", [0, "", False, []])
def test_only_none_is_nobody(user: Any) -> None:
    assert run(auth_middleware(lambda event: user)) == {"user": user}


def test_a_resolver_may_refuse_in_its_own_words() -> None:
    def resolve(event: Request) -> None:
        raise create_action_error("BLOCKED", "You are blocked", 403)

    with pytest.raises(ActionError, match="BLOCKED"):
        run(auth_middleware(resolve, optional=True))


def test_a_resolver_has_to_be_a_function() -> None:
    with pytest.raises(DefinitionError, match="write auth_middleware"):
        auth_middleware("ada")  # type: ignore[arg-type]


TRUSTED = "https://app.example.com"

PASS = [
    {},
    {"host": "me.example"},
    {"origin": "https://me.example", "host": "me.example"},
    {"origin": "https://me.example:8000", "host": "me.example:8000"},
    {"origin": "https://ME.example", "host": "me.EXAMPLE"},
    {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
    {"origin": TRUSTED, "host": "me.example"},
    {"origin": TRUSTED, "sec_fetch_site": "cross-site"},
]

REFUSED = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "cross-site", "origin": "https://me.example", "host": "me.example"},
    {"origin": "https://evil.example", "host": "me.example"},
    {"origin": "https://me.example:8001", "host": "me.example:8000"},
    {"origin": "null", "host": "me.example"},
    {"origin": "null"},
    {"origin": "", "host": "me.example"},
    {"origin": "https://app.example.com.evil.example", "host": "me.example"},
    {"origin": "http://app.example.com", "host": "me.example"},
]


@pytest.mark.parametrize("headers", PASS)
def test_a_call_of_ones_own_passes(headers: dict[str, str]) -> None:
    assert run(csrf_middleware(trusted_origins=[TRUSTED]), **headers) == {}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("headers", REFUSED)
def test_a_call_of_another_site_is_refused(headers: dict[str, str], method: str) -> None:
    with pytest.raises(ActionError) as refusal:
        run(csrf_middleware(trusted_origins=[TRUSTED]), method, **headers)
    assert (refusal.value.code, refusal.value.status_code) == ("CSRF_ERROR", 403)


@pytest.mark.parametrize("headers", REFUSED)
def test_a_call_that_changes_nothing_passes(headers: dict[str, str]) -> None:
    assert run(csrf_middleware(), "GET", **headers) == {}


@pytest.mark.parametrize(
    "origin", ["app.example.com", "https://app.example.com/", "https://", "", "https://a/b?c"]
)
def test_a_trusted_origin_that_is_none(origin: str) -> None:
    with pytest.raises(DefinitionError, match="write scheme and host only"):
        csrf_middleware(trusted_origins=[origin])


def test_middleware_is_defined_once() -> None:
    async def guard(next: Any) -> Any:
        return await next(ctx={"a": 1})

    middleware = define_middleware(guard)
    assert isinstance(middleware, Middleware)
    assert define_middleware(middleware) is middleware
    assert run(create_middleware(guard)) == {"a": 1}


def test_middleware_that_is_wrong_is_refused_at_once() -> None:
    def sync(next: Any) -> None: ...

    async def other(request: Any) -> None: ...

    with pytest.raises(DefinitionError, match="write 'async def sync"):
        define_middleware(sync)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="take any of event, ctx, metadata, next"):
        define_middleware(other)
