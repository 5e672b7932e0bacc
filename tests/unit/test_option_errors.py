"""Every option refuses what it does not take, where it is given, in one line that says what to write."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from streamactions import (
    Cors,
    DefinitionError,
    Stream,
    StreamActions,
    auth_middleware,
    client_ip,
    csrf_middleware,
    define_middleware,
    define_stream_action,
    rate_limit_middleware,
    use_stream_action,
)
from streamactions.client import open_event_stream
from streamactions.dialects import StandardDialect

URL = "http://127.0.0.1:1/x"


class Chat(BaseModel):
    prompt: str = ""


async def ai_chat(input: Any, stream: Stream) -> None: ...


async def guard(next: Any) -> Any:
    return await next()


ACTION = define_stream_action(ai_chat)


def define(**options: Any) -> Any:
    return define_stream_action(ai_chat, **options)


def app(**options: Any) -> Any:
    return StreamActions([ACTION], **options)


def cors(origins: Any = ("https://app.example",), **options: Any) -> Any:
    return app(cors=Cors(origins, **options))


def auth(**options: Any) -> Any:
    return auth_middleware(**{"resolve": guard, **options})


def rate_limit(**options: Any) -> Any:
    return rate_limit_middleware(**{"limit": 1, "window_s": 1, **options})


def handle(**options: Any) -> Any:
    return use_stream_action(**{"target": URL, **options})


def event_stream(**options: Any) -> Any:
    return open_event_stream(**{"method": "POST", "url": URL, **options})


NO_NUMBERS: tuple[Any, ...] = ("5", b"5", [1], (), {}, 0, -1, True, math.nan, object(), 1j)
NO_SECONDS: tuple[Any, ...] = (*NO_NUMBERS, math.inf, 1e300)
NO_COUNTS: tuple[Any, ...] = (*NO_NUMBERS, 1.5, math.inf)
NO_FLAGS: tuple[Any, ...] = ("no", "", 0, 1, [], object())
NO_FUNCTIONS: tuple[Any, ...] = ("f", 1, {}, [guard], True)
NO_TEXTS: tuple[Any, ...] = ("", 1, b"text", [], {}, True)
NO_LISTS: tuple[Any, ...] = (5, "https://app.example", b"x", {"a": 1}, guard, True)
NO_TYPES: tuple[Any, ...] = (5, {"a": int}, Chat(), lambda x: x, print, [int], (int, str), ..., True)
NO_PREFIXES: tuple[Any, ...] = (
    *("api", "/a b?x", "/a b", "/a?x", "/a#x", "/a%20b", "/é", "/{x}", "//", "/a//b", "/a/../b", "/.", "\\a"),
    *(5, b"/api", ["/api"], None, "/a\n", "http://host/api"),
)

WRONG: list[tuple[Callable[..., Any], str, tuple[Any, ...]]] = [
    (define, "input", NO_TYPES),
    (define, "output", NO_TYPES),
    (define, "middleware", (guard, define_middleware(guard), *NO_LISTS, [None], ["auth"], [[guard]])),
    (define, "metadata", ("x", 5, [1], [("a", 1)], {1: 2}, True, object())),
    (define, "handle_server_error", NO_FUNCTIONS),
    (define, "name", (*NO_TEXTS, ".", "..", "a/..", "a/", "//", "a b", "a?b", "a\n", "é")),
    (define, "method", (*NO_TEXTS, "FETCH", "HEAD", None)),
    (define, "on_disconnect", (*NO_TEXTS, "stop", None)),
    (define, "dialect", ("", "openai", 5, [], object(), StandardDialect, True)),
    (define, "keep_alive_s", NO_SECONDS),
    (define, "body_timeout_s", NO_SECONDS),
    (define, "max_body_bytes", NO_COUNTS),
    (app, "prefix", NO_PREFIXES),
    (app, "dialect", ("", "openai", 5, [], object(), StandardDialect, None)),
    (app, "max_body_bytes", (*NO_COUNTS, None)),
    (app, "keep_alive_s", (*NO_SECONDS, None)),
    (app, "body_timeout_s", (*NO_SECONDS, None)),
    (app, "stop_timeout_s", (*NO_SECONDS, None)),
    (app, "strict_content_type", (*NO_FLAGS, None)),
    (app, "console", NO_FLAGS),
    (app, "console_hosts", (*NO_LISTS, [5], [None], ["a b"], None)),
    (app, "cors", (*NO_LISTS, [], [5], ["app.example"], [None])),
    (cors, "origins", (*NO_LISTS, [], [5], None)),
    (cors, "credentials", NO_FLAGS),
    (cors, "max_age_s", (-1, "600", 1.5, None, True, [], math.inf)),
    (auth, "resolve", NO_FUNCTIONS),
    (auth, "optional", (*NO_FLAGS, None)),
    (rate_limit, "limit", (*NO_COUNTS, None)),
    (rate_limit, "window_s", (*NO_SECONDS, None)),
    (rate_limit, "key", (*NO_FUNCTIONS, None)),
    (rate_limit, "message", (*NO_TEXTS, None)),
    (rate_limit, "max_keys", (*NO_COUNTS, None)),
    (rate_limit, "clock_s", (*NO_FUNCTIONS, None)),
    (csrf_middleware, "trusted_origins", (*NO_LISTS, [5], ["app.example"], None)),
    (client_ip, "trusted_proxies", (*NO_LISTS, [5], ["x"], None)),
    (client_ip, "ipv6_prefix", ("64", 0, 129, 1.5, True, None, [], math.nan)),
    (handle, "target", ("", "x", 5, None, [], b"http://h/x", object(), "ftp://h/x")),
    (handle, "base_url", (*NO_TEXTS, "x", "ftp://h")),
    (handle, "prefix", NO_PREFIXES),
    (handle, "method", (*NO_TEXTS, "FETCH", "GE T")),
    (handle, "input", NO_TYPES),
    (handle, "output", NO_TYPES),
    (handle, "dialect", ("", "openai", 5, [], object(), StandardDialect)),
    (handle, "headers", ("a: b", 5, [("a", "b")], True)),
    (handle, "timeout", NO_NUMBERS),
    (handle, "idle_timeout_s", NO_NUMBERS),
    (handle, "max_event_bytes", (*NO_COUNTS, None)),
    (handle, "keep_chunks", (*NO_FLAGS, None)),
    (handle, "on_chunk", NO_FUNCTIONS),
    (handle, "on_done", NO_FUNCTIONS),
    (handle, "on_error", NO_FUNCTIONS),
    (handle, "client", (5, "client", [], object())),
    (event_stream, "method", (*NO_TEXTS, "GE T", "GET\n", None)),
    (event_stream, "url", ("", "x", 5, None, [], b"http://h/x", "ftp://h/x")),
    (event_stream, "params", (5, "abc", b"abc", [1], [("a",)], {"a": object()}, {"a": {"b": 1}}, True)),
    (event_stream, "content", (5, [], {}, True, object())),
    (event_stream, "headers", ("a: b", 5, [("a", "b")], True)),
    (event_stream, "end", (*NO_TEXTS, "{}")),
    (event_stream, "end_event", NO_TEXTS),
    (event_stream, "timeout", NO_NUMBERS),
    (event_stream, "first_event_timeout_s", NO_NUMBERS),
    (event_stream, "idle_timeout_s", NO_NUMBERS),
    (event_stream, "max_event_bytes", (*NO_COUNTS, None)),
    (event_stream, "client", (5, "client", [], object())),
]


@pytest.mark.parametrize(
    ("make", "option", "value"),
    [
        pytest.param(make, option, value, id=f"{make.__name__}-{option}-{value!r:.30}")
        for make, option, values in WRONG
        for value in values
    ],
)
def test_a_value_that_an_option_does_not_take(make: Callable[..., Any], option: str, value: Any) -> None:
    with pytest.raises(DefinitionError) as refusal:
        make(**{option: value})
    said = str(refusal.value)
    assert "\n" not in said
    assert len(said) < 600
    # Nobody is left with what was wrong alone.
    assert any(word in said for word in ("write", "pass", "must", "decorate", "name an", "name the")), said


@pytest.mark.parametrize(
    ("make", "options", "says"),
    [
        (StreamActions, {"actions": []}, "StreamActions has no actions: write StreamActions([my_action])"),
        (StreamActions, {"actions": iter(())}, "write StreamActions([my_action])"),
        (StreamActions, {"actions": None}, "takes a list: write StreamActions([...])"),
        (StreamActions, {"actions": {"a": ACTION}}, "takes a list: write StreamActions([...])"),
        (StreamActions, {"actions": [guard]}, "decorate the function with @define_stream_action"),
        (define, {"middleware": guard}, "write middleware=[auth]"),
        (define, {"metadata": "x"}, "has metadata='x': write metadata={"),
        (define, {"input": Chat()}, "write input=Chat, the model and not an object of it"),
        (define, {"handle_server_error": "x"}, "write handle_server_error=translate, a function"),
        (define, {"keep_alive_s": "15"}, "has keep_alive_s='15': write a number above 0"),
        (app, {"prefix": "/a b?x"}, "has prefix='/a b?x': write prefix=\"/a/b\", a path and nothing else"),
        (app, {"prefix": "api"}, 'write prefix="/api"'),
        (define, {"dialect": StandardDialect}, "is a class: write dialect=StandardDialect()"),
        (app, {"max_body_bytes": "x" * 1000}, "…: write a number"),
    ],
)
def test_what_is_said(make: Callable[..., Any], options: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        make(**options)
    assert says in str(refusal.value)


def members_of_a_dialect(**changed: Any) -> dict[str, Any]:
    standard = StandardDialect()
    names = ("name", "chunk_event", "check_chunk", "done", "error", "read")
    return {**{name: getattr(standard, name) for name in names}, **changed}


@pytest.mark.parametrize("missing", members_of_a_dialect())
@pytest.mark.parametrize("make", [define, app, handle])
def test_a_dialect_without_a_member_is_told_which(make: Callable[..., Any], missing: str) -> None:
    members = members_of_a_dialect()
    del members[missing]
    with pytest.raises(DefinitionError, match=f"has no {missing}: write one of 'standard', "):
        make(dialect=SimpleNamespace(**members))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", 5),
        ("chunk_event", 5),
        ("chunk_event", "a\nb"),
        ("check_chunk", "x"),
        ("done", None),
        ("done", lambda: "text"),
        ("error", 1),
        ("read", "x"),
    ],
)
def test_a_member_of_a_dialect_that_cannot_be(member: str, value: Any) -> None:
    with pytest.raises(DefinitionError, match=f"has a {member}"):
        define(dialect=SimpleNamespace(**members_of_a_dialect(**{member: value})))


def test_options_that_are_right_are_taken() -> None:
    dialect: Any = SimpleNamespace(**members_of_a_dialect(chunk_event="chunk"))
    define(middleware=(guard,), metadata={}, keep_alive_s=1, max_body_bytes=1, dialect=dialect, name="a/b")
    define(middleware=iter([guard]), handle_server_error=print, input="int", output=int | None)
    for prefix in ("", "/", "/api", "/api/", "/a/b-c/~d", "/@v1:x"):
        app(prefix=prefix, cors={"https://app.example"}, console_hosts={"dev.example"})
    handle(timeout=math.inf, idle_timeout_s=1, headers=dict, on_chunk=print)
    event_stream(method="post", end="[DONE]", headers={})
    csrf_middleware(trusted_origins={"https://app.example"})
