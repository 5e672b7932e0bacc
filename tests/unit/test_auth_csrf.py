"""Who is calling, and whether another site has made the browser call."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from streamactions import (
    ActionError,
    DefinitionError,
    Middleware,
    MiddlewareError,
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


class Empty:
    def __len__(self) -> int:
        return 0


async def give(answer: Any) -> Any:
    return answer


NOBODY: list[Any] = [None, False, 0, 0.0, "", b"", [], {}, (), frozenset(), Empty()]


@pytest.mark.parametrize("answer", NOBODY, ids=repr)
def test_whatever_is_falsy_is_nobody(answer: Any) -> None:
    async def resolve(event: Request) -> Any:
        return answer

    # A function that only returns another's coroutine is as good as one that awaits it.
    for resolver in (
        resolve,
        lambda event: answer,
        lambda event: give(answer),
        lambda event: give(give(answer)),
    ):
        with pytest.raises(ActionError, match="UNAUTHORIZED"):
            run(auth_middleware(resolver))
        assert run(auth_middleware(resolver, optional=True)) == {"user": None}


@pytest.mark.parametrize("answer", [True, 1, "ada", {"id": 1}])
def test_whatever_is_true_is_the_user(answer: Any) -> None:
    for resolver in (lambda event: answer, lambda event: give(give(answer))):
        assert run(auth_middleware(resolver)) == {"user": answer}


@pytest.mark.parametrize("optional", [True, False])
def test_an_error_that_is_returned_refuses_as_if_it_were_raised(optional: bool) -> None:
    with pytest.raises(ActionError, match="BLOCKED"):
        run(
            auth_middleware(
                lambda event: create_action_error("BLOCKED", "You are blocked"), optional=optional
            )
        )
    with pytest.raises(LookupError):
        run(auth_middleware(lambda event: LookupError(), optional=optional))


@pytest.mark.parametrize("optional", [True, False])
def test_a_generator_is_no_user(optional: bool) -> None:
    def resolve(event: Request) -> Any:
        yield "ada"

    async def resolve_async(event: Request) -> Any:
        yield "ada"

    for resolver in (resolve, resolve_async):
        with pytest.raises(MiddlewareError, match="return the user"):
            run(auth_middleware(resolver, optional=optional))


def test_a_user_whose_truth_cannot_be_told_does_not_pass() -> None:
    class Undecided:
        def __bool__(self) -> bool:
            raise ValueError

    with pytest.raises(ValueError):
        run(auth_middleware(lambda event: Undecided()))


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
    {"origin": "http://[::1", "host": "me.example"},
    {"origin": "https://app.example.com.evil.example", "host": "me.example"},
    {"origin": "http://app.example.com", "host": "me.example"},
]


@pytest.mark.parametrize("headers", PASS)
def test_a_call_of_ones_own_passes(headers: dict[str, str]) -> None:
    assert run(csrf_middleware(trusted_origins=[TRUSTED]), **headers) == {}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("headers", REFUSED)
def test_a_call_of_another_site_is_refused(headers: dict[str, str], method: str) -> None:
    with pytest.raises(ActionError) as refusal:
        run(csrf_middleware(trusted_origins=[TRUSTED]), method, **headers)
    assert (refusal.value.code, refusal.value.status_code) == ("CSRF_ERROR", 403)


@pytest.mark.parametrize("headers", PASS)
def test_a_get_of_ones_own_passes(headers: dict[str, str]) -> None:
    """A browser names no origin where it gets what is its page's own, or what was typed."""
    assert run(csrf_middleware(trusted_origins=[TRUSTED]), "GET", **headers) == {}


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
    with pytest.raises(DefinitionError, match="take any of event, response, ctx, metadata, next"):
        define_middleware(other)
