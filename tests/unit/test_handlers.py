"""What a handler may be, and what becomes of what it raises and returns."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import pytest

from streamactions import (
    ActionError,
    StreamActions,
    create_action_error,
    define_middleware,
    define_stream_action,
    use_stream_action,
)
from streamactions.testing import BASE_URL, InProcessTransport, collect

BOUND_S: Final = 30.0


def run(action: Any, input: Any = None) -> Any:
    return asyncio.run(asyncio.wait_for(collect(action, input), BOUND_S))


def code_of(action: Any) -> str:
    with pytest.raises(ActionError) as raised:
        run(action)
    return raised.value.code


# --- Groups --------------------------------------------------------------------------------------


async def limited() -> None:
    raise create_action_error("RATE_LIMITED", "Too many", 429)


async def broken() -> None:
    raise LookupError("secret")


async def in_a_group(*functions: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for function in functions:
            group.create_task(function())


async def in_two_groups() -> None:
    await in_a_group(functools.partial(in_a_group, limited))


@pytest.mark.parametrize(
    ("fail", "code"),
    [
        (functools.partial(in_a_group, limited), "RATE_LIMITED"),
        (in_two_groups, "RATE_LIMITED"),
        (functools.partial(in_a_group, broken), "STREAM_ERROR"),
        (functools.partial(in_a_group, limited, limited), "STREAM_ERROR"),
    ],
)
def test_a_group_that_holds_one_failure_is_that_failure(fail: Callable[[], Any], code: str) -> None:
    @define_stream_action
    async def fails(stream: Any) -> None:
        await fail()

    @define_stream_action
    async def generator_fails() -> AsyncIterator[int]:
        yield 1
        await fail()

    @define_middleware
    async def guard() -> None:
        await fail()

    @define_stream_action(middleware=[guard])
    async def guarded(stream: Any) -> None:
        pass

    assert code_of(fails) == code
    assert code_of(generator_fails) == code
    assert code_of(guarded) == code.replace("STREAM_ERROR", "INTERNAL_ERROR")


def test_a_translation_gets_the_failure_itself() -> None:
    @define_stream_action(handle_server_error=lambda error: (type(error).__name__, "m", 503))
    async def fails(stream: Any) -> None:
        await in_a_group(broken)

    assert code_of(fails) == "LookupError"


# --- Generators ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("failing", "code"), [(limited, "RATE_LIMITED"), (broken, "STREAM_ERROR")])
def test_the_failure_in_a_group_around_a_yield_is_kept(failing: Any, code: str) -> None:
    @define_stream_action
    async def yields_in_a_group() -> AsyncIterator[int]:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
            for number in range(1000):
                yield number
                await asyncio.sleep(0)

    assert code_of(yields_in_a_group) == code


def test_the_first_failure_is_told_and_the_second_logged(caplog: pytest.LogCaptureFixture) -> None:
    @define_stream_action
    async def fails_twice() -> AsyncIterator[Any]:
        try:
            yield object()
        finally:
            raise KeyError("the second")

    assert code_of(fails_twice) == "STREAM_ERROR"
    assert "InvalidChunkError" in caplog.text
    assert "the second" in caplog.text


def test_a_reader_that_leaves_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    ended = asyncio.Event()

    @define_stream_action
    async def yields_in_a_group() -> AsyncIterator[int]:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(BOUND_S))
                for number in range(1_000_000):
                    yield number
                    await asyncio.sleep(0)
        finally:
            ended.set()

    async def leave() -> None:
        transport = InProcessTransport(StreamActions([yields_in_a_group]))
        handle = use_stream_action(yields_in_a_group, base_url=BASE_URL, client=transport)
        chunks = handle.stream()
        assert await anext(chunks) == 0
        await chunks.aclose()
        await asyncio.wait_for(ended.wait(), BOUND_S)

    asyncio.run(leave())
    assert caplog.text == ""


# --- What comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("returned", [{"text": "lost"}, 0, False, "", object()])
def test_what_a_handler_returns_is_not_dropped_in_silence(
    returned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @define_stream_action
    async def returns(stream: Any) -> Any:
        await stream.send(1)
        return returned

    assert code_of(returns) == "STREAM_ERROR"
    assert f"handler returns() returned a {type(returned).__name__}, which goes nowhere" in caplog.text


# --- Decorators ----------------------------------------------------------------------------------


FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def plain_decorator(function: FunctionT) -> FunctionT:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return wrapper  # type: ignore[return-value]


def async_decorator(function: FunctionT) -> FunctionT:
    @functools.wraps(function)
    async def wrapper(*arguments: Any, **named: Any) -> Any:
        return await function(*arguments, **named)

    return wrapper  # type: ignore[return-value]


@pytest.mark.parametrize("decorate", [plain_decorator, async_decorator])
def test_a_handler_and_a_middleware_may_be_decorated(
    decorate: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> None:
    @define_middleware
    @decorate
    async def guard(next: Any) -> Any:
        return await next(ctx={"a": 1})

    @define_stream_action(middleware=[guard])
    @plain_decorator
    @decorate
    async def sends(input: Any, stream: Any, ctx: Any) -> None:
        await stream.send([input, ctx])

    assert run(sends, {"b": 2}) == [[{"b": 2}, {"a": 1}]]


def test_a_generator_may_be_decorated() -> None:
    @define_stream_action
    @plain_decorator
    async def yields(input: Any) -> AsyncIterator[Any]:
        yield input

    assert run(yields, {"b": 2}) == [{"b": 2}]


# --- Context -------------------------------------------------------------------------------------


def test_the_handler_runs_in_the_context_that_its_middleware_left() -> None:
    user: ContextVar[str] = ContextVar("user", default="nobody")

    @define_middleware
    async def outer(next: Any) -> Any:
        user.set("outer")
        return await next()

    @define_middleware
    async def inner(next: Any) -> Any:
        answer = await next(ctx={"before": user.get()})
        user.set("inner")
        return answer

    @define_stream_action(middleware=[outer, inner])
    async def sends(stream: Any, ctx: Any) -> None:
        await stream.send([ctx["before"], user.get()])

    @define_stream_action(middleware=[outer, inner])
    async def yields(ctx: Any) -> AsyncIterator[Any]:
        yield [ctx["before"], user.get()]

    assert run(sends) == [["outer", "inner"]]
    assert run(yields) == [["outer", "inner"]]
    assert user.get() == "nobody"
