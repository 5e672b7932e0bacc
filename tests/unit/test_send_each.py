"""``send_each``: what ``async for item in items: await stream.send(item)`` does, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from streamactions import ActionError, InvalidChunkError, Stream, define_stream_action
from streamactions.testing import collect


async def count(end: int, *, pause: bool = False) -> AsyncIterator[int]:
    for number in range(end):
        if pause:
            await asyncio.sleep(0)
        yield number


def sent(body: Callable[[Stream], Awaitable[Any]]) -> list[Any]:
    """The chunks of a handler with that body."""

    async def handler(stream: Stream) -> None:
        await body(stream)

    return asyncio.run(collect(define_stream_action(handler)))


@pytest.mark.parametrize("pause", [False, True])
def test_every_item_is_sent_in_order(pause: bool) -> None:
    assert sent(lambda stream: stream.send_each(count(1000, pause=pause))) == list(range(1000))
    assert sent(lambda stream: stream.send_each(count(0, pause=pause))) == []


def test_what_make_chunk_makes_is_sent_and_none_is_left_out() -> None:
    def make_chunk(number: int) -> list[int] | None:
        return [number] if number % 2 else None

    assert sent(lambda stream: stream.send_each(count(5), make_chunk)) == [[1], [3]]


def test_without_make_chunk_none_is_a_chunk() -> None:
    async def nothings() -> AsyncIterator[None]:
        yield None

    assert sent(lambda stream: stream.send_each(nothings())) == [None]


def test_an_iterator_of_another_kind() -> None:
    class Numbers:
        """Each item's awaitable is no coroutine, and waits in a way of its own."""

        def __init__(self) -> None:
            self.left = 3

        def __aiter__(self) -> "Numbers":
            return self

        def __anext__(self) -> "asyncio.Future[int]":
            future = asyncio.get_running_loop().create_future()
            self.left -= 1
            if self.left < 0:
                future.set_exception(StopAsyncIteration())
            else:
                asyncio.get_running_loop().call_soon(future.set_result, self.left)
            return future

    assert sent(lambda stream: stream.send_each(Numbers())) == [2, 1, 0]


def test_errors_come_out_after_what_was_sent() -> None:
    async def failing() -> AsyncIterator[Any]:
        yield 0
        raise LookupError("items")

    def refuse(number: int) -> int:
        return 1 // (1 - number)

    async def main(stream: Stream) -> None:
        with pytest.raises(LookupError, match="items"):
            await stream.send_each(failing())
        with pytest.raises(ZeroDivisionError):
            await stream.send_each(count(3), refuse)
        with pytest.raises(InvalidChunkError):
            await stream.send_each(count(1), lambda _: object())

    assert sent(main) == [0, 1]


@pytest.mark.parametrize("items", [[1, 2], None, 7])
def test_what_is_no_async_iterable_is_refused(items: Any) -> None:
    async def main(stream: Stream) -> None:
        with pytest.raises(TypeError, match="takes an async iterable, such as an async generator, not"):
            await stream.send_each(items)

    assert sent(main) == []


def test_a_cancellation_reaches_the_items_and_may_be_handled_there() -> None:
    async def main(stream: Stream) -> None:
        started = asyncio.Event()

        async def survivor() -> AsyncIterator[str]:
            yield "before"
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield "after"

        async def victim() -> AsyncIterator[str]:
            started.set()
            await asyncio.Event().wait()
            yield "never"

        task = asyncio.ensure_future(stream.send_each(survivor()))
        await started.wait()
        task.cancel()
        await task

        started.clear()
        task = asyncio.ensure_future(stream.send_each(victim()))
        await started.wait()
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task

    assert sent(main) == ["before", "after"]


def test_a_second_task_cannot_await_the_same_one() -> None:
    async def main(stream: Stream) -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def items() -> AsyncIterator[int]:
            started.set()
            await go_on.wait()
            yield 1

        sending = stream.send_each(items())
        task = asyncio.ensure_future(sending)
        await started.wait()
        with pytest.raises(RuntimeError, match="another task"):
            await sending
        go_on.set()
        await task

    assert sent(main) == [1]


def test_a_task_that_is_given_up_closes_what_it_waited_for() -> None:
    async def main(stream: Stream) -> None:
        closed = False

        class Items:
            def __aiter__(self) -> "Items":
                return self

            async def __anext__(self) -> int:
                nonlocal closed
                try:
                    await asyncio.sleep(0)
                finally:
                    closed = True
                return 1

        async def send() -> None:
            await stream.send_each(Items())

        coroutine = send()
        coroutine.send(None)
        coroutine.close()
        assert closed

    assert sent(main) == []


def test_an_error_of_a_generator_handler_ends_its_stream() -> None:
    @define_stream_action
    async def fails() -> AsyncIterator[int]:
        yield 1
        raise ActionError("NO", "no more", 400)

    with pytest.raises(ActionError, match="no more"):
        asyncio.run(collect(fails))
