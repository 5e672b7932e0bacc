"""Sends and waits that nobody awaits take bounded memory; those that are awaited are never refused."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from streamactions import SendNotAwaitedError, Stream, define_stream_action
from streamactions._core import PulseCore, StreamCore, StreamSettings
from streamactions.testing import collect

MAX_UNAWAITED_BYTES: Final = 65_536
LARGE: Final = 100_000 * b"x"


class Connection:
    """A server whose reader takes nothing until it is told to."""

    def __init__(self) -> None:
        settings = StreamSettings(
            encode=bytes,
            encode_any=bytes,
            chunk_event=None,
            done_frame=b"done",
            keep_alive_s=15.0,
            outlives_client=False,
        )
        loop = asyncio.get_running_loop()
        self.written = b""
        self.stream = StreamCore(settings, self._send, PulseCore(loop, 1.0, 1.0))
        # The first write, which does not end, so that all that follows waits.
        self.stream.send(b"first")

    def _send(self, message: dict[str, Any]) -> "asyncio.Future[None]":
        self.written += message["body"]
        return asyncio.get_running_loop().create_future()

    def take(self) -> None:
        """The reader has taken the write in flight."""
        self.stream._written()


def in_a_loop(body: Callable[[Connection], Awaitable[None]]) -> None:
    async def main() -> None:
        await body(Connection())

    asyncio.run(main())


async def begun(awaitables: list[Awaitable[None]]) -> "list[asyncio.Task[None]]":
    async def wait(awaitable: Awaitable[None]) -> None:
        await awaitable

    tasks = [asyncio.create_task(wait(awaitable)) for awaitable in awaitables]
    await asyncio.sleep(0)
    return tasks


def send_a_million(stream: StreamCore, given: list[Awaitable[None]] | None) -> None:
    for _ in range(1_000_000):
        awaitable = stream.send(b"a chunk")
        if given is not None:
            given.append(awaitable)


async def give_up_a_hundred(stream: StreamCore) -> None:
    for _ in range(100):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.send(10_000 * b"x"), 0)


@pytest.mark.parametrize("kept", [False, True])
def test_sends_that_nobody_awaits_are_refused_at_the_bound(kept: bool) -> None:
    async def body(connection: Connection) -> None:
        stream = connection.stream
        given: list[Awaitable[None]] = []
        with pytest.raises(SendNotAwaitedError, match=r"write `await stream.send\(chunk\)`"):
            send_a_million(stream, given if kept else None)
        assert MAX_UNAWAITED_BYTES < stream.buffered_bytes < MAX_UNAWAITED_BYTES + 100
        # Nothing but the frames is left in the stream.
        assert not any(isinstance(held, asyncio.Future) for held in gc.get_referents(stream))
        # It goes on where the reader does.
        connection.take()
        await asyncio.wait_for(stream.send(b"later"), 20)

    in_a_loop(body)


def test_a_handler_that_never_awaits_fails_and_its_client_is_told() -> None:
    caught: list[BaseException] = []

    @define_stream_action
    async def flood(stream: Stream) -> None:
        try:
            for number in range(1_000_000):
                stream.send(number)  # type: ignore[unused-coroutine]
        except SendNotAwaitedError as error:
            caught.append(error)

    numbers = asyncio.run(collect(flood))
    assert numbers == list(range(len(numbers)))
    assert len(caught) == 1


def test_one_frame_may_be_larger_than_the_bound() -> None:
    async def body(connection: Connection) -> None:
        connection.stream.send(LARGE)
        with pytest.raises(SendNotAwaitedError):
            connection.stream.send(b"one more")
        assert connection.stream.buffered_bytes == len(LARGE) + len(b"data: \n\n")

    in_a_loop(body)


def test_any_number_of_tasks_may_wait_each_with_a_large_frame() -> None:
    async def body(connection: Connection) -> None:
        async def send(number: int) -> None:
            await connection.stream.send(b"%d:" % number + LARGE)

        tasks = [asyncio.create_task(send(number)) for number in range(100)]
        await asyncio.sleep(0)
        assert connection.stream.buffered_bytes > 100 * len(LARGE)
        assert not any(task.done() for task in tasks)
        connection.take()
        await asyncio.gather(*tasks)
        assert connection.written.count(b"x\n\n") == 100

    in_a_loop(body)


def test_who_gives_the_wait_up_waits_no_more() -> None:
    async def body(connection: Connection) -> None:
        stream = connection.stream
        (sending,) = await begun([stream.send(LARGE)])
        (second,) = await begun([stream.send(LARGE)])
        sending.cancel()
        second.cancel()
        await asyncio.wait([sending, second])
        assert not any(isinstance(held, asyncio.Future) for held in gc.get_referents(stream))
        with pytest.raises(SendNotAwaitedError):
            stream.send(b"one more")

    in_a_loop(body)


def test_a_wait_with_a_timeout_again_and_again_leaves_nothing() -> None:
    async def body(connection: Connection) -> None:
        stream = connection.stream
        with pytest.raises(SendNotAwaitedError):
            await give_up_a_hundred(stream)
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.wait_closed(), 0)
        assert not any(isinstance(held, asyncio.Future) for held in gc.get_referents(stream))

    in_a_loop(body)


def test_waits_for_the_end_that_nobody_awaits_leave_nothing() -> None:
    async def body(connection: Connection) -> None:
        stream = connection.stream
        kept = [stream.wait_closed() for _ in range(1000)]
        assert not any(isinstance(held, asyncio.Future) for held in gc.get_referents(stream))
        tasks = await begun(kept)
        stream._abandon()
        await asyncio.gather(*tasks)
        # Whoever comes later finds it over.
        await stream.wait_closed()
        await kept[0]

    in_a_loop(body)


def test_two_tasks_may_wait_for_the_same_send() -> None:
    async def body(connection: Connection) -> None:
        awaitable = connection.stream.send(LARGE)
        first, second = await begun([awaitable, awaitable])
        first.cancel()
        await asyncio.wait([first])
        assert not second.done()
        connection.take()
        await second
        await awaitable

    in_a_loop(body)


def test_a_wait_that_is_closed_is_given_up() -> None:
    async def body(connection: Connection) -> None:
        waiting: Any = connection.stream.send(LARGE).__await__()
        waiting.close()
        future = next(waiting)
        assert future in gc.get_referents(connection.stream)
        waiting.close()
        assert future not in gc.get_referents(connection.stream)
        with pytest.raises(LookupError):
            waiting.throw(LookupError)

    in_a_loop(body)
