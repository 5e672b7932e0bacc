"""What is wrong with a definition is said when it is made, with what to write instead."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from streamactions import (
    DefinitionError,
    Stream,
    StreamAction,
    StreamActions,
    define_middleware,
    define_stream_action,
)


class Chat(BaseModel):
    prompt: str


async def ai_chat(input: Any, stream: Stream) -> None: ...


def test_a_definition_is_a_call_or_a_decorator() -> None:
    @define_stream_action
    async def bare(stream: Stream) -> None: ...

    @define_stream_action(input=Chat, method="put", name="other", metadata={"a": 1})
    async def with_options(input: Chat, stream: Stream) -> None:
        """What it does."""

    called = define_stream_action(ai_chat, input=Chat)
    assert [type(action) for action in (bare, with_options, called)] == [StreamAction] * 3
    assert [action.name for action in (bare, with_options, called)] == ["bare", "other", "ai-chat"]
    assert (with_options.method, with_options.metadata) == ("PUT", {"a": 1})
    assert (with_options.__name__, with_options.__doc__) == ("with_options", "What it does.")
    assert bare.input_adapter is None
    assert called.input_adapter is not None


def test_the_handler_takes_any_of_its_parameters() -> None:
    async def all_of_them(event: Any, ctx: Any, stream: Stream, input: Any) -> None: ...

    async def by_keyword(*, stream: Stream, other: int = 1) -> None: ...

    async def generator() -> AsyncIterator[int]:
        yield 1

    class Callable_:  # noqa: N801
        async def __call__(self, stream: Stream) -> None: ...

    for handler in (all_of_them, by_keyword, generator, Callable_(), partial(all_of_them, ctx=1)):
        assert isinstance(define_stream_action(handler, name="name"), StreamAction)


def test_the_metadata_and_the_middleware_of_the_caller_stay_their_own() -> None:
    metadata, middleware = {"a": 1}, [define_middleware(_pass)]
    action = define_stream_action(ai_chat, metadata=metadata, middleware=middleware)
    metadata["a"] = 2
    middleware.clear()
    assert action.metadata == {"a": 1}
    assert len(action.middleware) == 1


async def _pass(next: Any) -> Any:
    return await next()


async def _other_parameter(prompt: str, stream: Stream) -> None: ...


async def _positional(input: Any, stream: Stream, /) -> None: ...


async def _any_positional(*values: Any) -> None: ...


async def _any_keyword(stream: Stream, **values: Any) -> None: ...


async def _no_stream(input: Any) -> None: ...


async def _unvalidated(input: Chat, stream: Stream) -> None: ...


def _silent(input: Any) -> None: ...


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        (_silent, "take 'stream' and stream.send_from_thread"),
        (_other_parameter, "unknown parameter 'prompt': take any of input, stream, ctx, event"),
        (_positional, "remove the '/'"),
        (_any_positional, "any of input, stream, ctx, event"),
        (_any_keyword, "any of input, stream, ctx, event"),
        (_no_stream, "take 'stream' and await stream.send"),
        (_unvalidated, "write define_stream_action(input=Chat)"),
        (1, "must be a function, not a int"),
        (Chat, "not the class Chat: write define_stream_action(input=Chat) above the function"),
        (define_stream_action(ai_chat), "is an action already: decorate its function once"),
    ],
)
def test_a_wrong_handler(handler: Any, says: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        define_stream_action(handler)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


class NoSchema:
    pass


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"input": NoSchema}, "input= that pydantic cannot validate"),
        ({"output": NoSchema}, "output= that pydantic cannot validate"),
        ({"input": "NotThere"}, "input= that pydantic cannot validate"),
        ({"midleware": []}, "has no option 'midleware': write middleware="),
        ({"inptu": Chat}, "has no option 'inptu': write input="),
        ({"zzz": 1}, "has no option 'zzz': write any of input, output, middleware, "),
        ({"name": ""}, 'write name="my-action"'),
        ({"name": "a b"}, 'write name="my-action"'),
        ({"name": "/a"}, 'write name="my-action"'),
        ({"name": "a?b"}, 'write name="my-action"'),
        ({"name": "é"}, 'write name="my-action"'),
        ({"method": "FETCH"}, "write one of 'POST'"),
        ({"on_disconnect": "stop"}, "write one of 'cancel', 'continue'"),
        ({"dialect": "openai"}, "write one of 'standard', 'nuxt-actions'"),
        ({"keep_alive_s": 0}, "write a number above 0"),
        ({"max_body_bytes": -1}, "write a number above 0"),
        ({"middleware": [_silent]}, "must be an async function"),
        ({"middleware": [_no_stream]}, "take any of event, response, ctx, metadata, next"),
        ({"middleware": [1]}, "must be an async function"),
    ],
)
def test_a_wrong_option(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        define_stream_action(ai_chat, **options)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def _apps() -> dict[str, Callable[[], StreamActions]]:
    action = define_stream_action(ai_chat)
    twin = define_stream_action(ai_chat)
    return {
        "StreamActions([": lambda: StreamActions(action),  # type: ignore[arg-type]
        "decorate the function with @define_stream_action": lambda: StreamActions([ai_chat]),  # type: ignore[list-item]
        "two actions are named 'ai-chat'": lambda: StreamActions([action, twin]),
        'write prefix="/api"': lambda: StreamActions([action], prefix="api"),
        "max_body_bytes=0: write a number above 0": lambda: StreamActions([action], max_body_bytes=0),
        "keep_alive_s=0: write a number above 0": lambda: StreamActions([action], keep_alive_s=0),
        "there is no dialect 'x'": lambda: StreamActions([action], dialect="x"),
    }


@pytest.mark.parametrize("says", _apps())
def test_a_wrong_app(says: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        _apps()[says]()
    assert says.strip() in str(refusal.value)


def test_an_action_may_be_given_twice() -> None:
    action = define_stream_action(ai_chat)
    assert StreamActions([action, action]).actions == {"ai-chat": action}


def test_a_definition_error_is_a_type_error() -> None:
    assert issubclass(DefinitionError, TypeError)
