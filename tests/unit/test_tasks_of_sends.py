"""Tasks made of ``send``, and ``send`` in other threads: what raises has sent nothing."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

from streamactions import (
    ClientDisconnectedError,
    Stream,
    StreamActions,
    StreamClosedError,
    WrongThreadError,
    define_stream_action,
)
from streamactions import stream as streams
from streamactions.client import use_stream_action
from streamactions.testing import InProcessTransport, collect

LARGE = "x" * 10_000


async def by_create_task(*sends: Coroutine[Any, Any, None]) -> None:
    for task in [asyncio.create_task(send) for send in sends]:
        await task


async def by_gather(*sends: Coroutine[Any, Any, None]) -> None:
    await asyncio.gather(*sends)


async def by_wait_for(*sends: Coroutine[Any, Any, None]) -> None:
    for send in sends:
        await asyncio.wait_for(send, 20)


async def by_group(*sends: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for send in sends:
            group.create_task(send)


async def by_shield(*sends: Coroutine[Any, Any, None]) -> None:
    for send in sends:
        await asyncio.shield(send)


WAYS = [by_create_task, by_gather, by_wait_for, by_group, by_shield]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_debug", [False, True])
def test_a_task_can_be_made_of_a_send(way: Callable[..., Any], is_debug: bool) -> None:
    """Of those that are done at once, of those that wait for a write, and of those that wait for a turn."""

    @define_stream_action
    async def sends(stream: Stream) -> None:
        for number in range(200):
            await way(stream.send(number), stream.send(LARGE), stream.send(number))

    async def each(items: list[int]) -> Any:
        for item in items:
            yield item

    @define_stream_action
    async def sends_otherwise(stream: Stream) -> None:
        await way(stream.send_each(each([1, 2])))
        await way(stream.close())
        await way(stream.wait_closed())

    async def main() -> None:
        assert await collect(sends) == [value for n in range(200) for value in (n, LARGE, n)]
        assert await collect(sends_otherwise) == [1, 2]

    asyncio.run(main(), debug=is_debug)


def test_a_task_of_a_send_can_be_cancelled() -> None:
    @define_stream_action
    async def cancels(stream: Stream) -> None:
        for chunk in (1, LARGE, LARGE):
            task = asyncio.create_task(stream.send(chunk))
            task.cancel()
            await asyncio.wait((task,))
        await stream.send("after")

    assert asyncio.run(collect(cancels)) == [1, LARGE, LARGE, "after"]


# --- Other threads -------------------------------------------------------------------------------


def in_a_thread(work: Callable[[Stream], Any]) -> Any:
    """An action that runs ``work`` in a thread, and sends what it raised."""

    @define_stream_action
    async def action(stream: Stream) -> None:
        try:
            await asyncio.to_thread(work, stream)
        except WrongThreadError as error:
            await stream.send(str(error))

    return action


def test_what_another_thread_sends_raises_and_is_not_sent() -> None:
    def send(stream: Stream) -> None:
        _ = stream.send("from a thread")

    def close(stream: Stream) -> None:
        _ = stream.close()

    for work in (send, close):
        (told,) = asyncio.run(collect(in_a_thread(work)))
        assert "send_from_thread(chunk)" in told


def test_a_send_that_is_handed_to_the_loop_by_another_thread_is_not_sent_either() -> None:
    @define_stream_action
    async def action(stream: Stream) -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            asyncio.run_coroutine_threadsafe(stream.send("from a thread"), loop)

        with pytest.raises(WrongThreadError):
            await asyncio.to_thread(work)
        await stream.send("from the loop")

    assert asyncio.run(collect(action)) == ["from the loop"]


def test_a_loop_of_another_thread_may_not_send() -> None:
    async def misuse(stream: Stream) -> None:
        await stream.send(1)

    (told,) = asyncio.run(collect(in_a_thread(lambda stream: asyncio.run(misuse(stream)))))
    assert "another thread" in told


def test_a_thread_sends_at_its_readers_pace() -> None:
    sent = 0

    def work(stream: Stream) -> None:
        nonlocal sent
        for _ in range(100):
            stream.send_from_thread(LARGE)
            sent += 1

    async def main() -> None:
        handle = use_stream_action(
            action := in_a_thread(work),
            base_url="http://test",
            client=InProcessTransport(StreamActions([action])),
        )
        read = 0
        async for chunk in handle.stream():
            assert chunk == LARGE
            read += 1
            await asyncio.sleep(0.001)
            assert sent <= read + 20
        assert read == 100

    asyncio.run(main())


def test_what_a_thread_may_not_send_raises_in_the_thread() -> None:
    def work(stream: Stream) -> None:
        with pytest.raises(TypeError):
            stream.send_from_thread(object())
        stream.send_from_thread(1)

    assert asyncio.run(collect(in_a_thread(work))) == [1]


def test_the_loops_own_thread_may_not_wait_for_itself() -> None:
    @define_stream_action
    async def action(stream: Stream) -> None:
        with pytest.raises(WrongThreadError, match=r"await stream.send\(chunk\)"):
            stream.send_from_thread(1)

    assert asyncio.run(collect(action)) == []


@pytest.mark.parametrize("on_disconnect", ["cancel", "continue"])
def test_a_thread_learns_that_its_client_has_left(on_disconnect: Any) -> None:
    ended: list[BaseException | None] = []
    over = threading.Event()

    def work(stream: Stream) -> None:
        try:
            for _ in range(2000):
                stream.send_from_thread(LARGE)
        except BaseException as error:
            ended.append(error)
        else:
            ended.append(None)
        finally:
            over.set()

    @define_stream_action(on_disconnect=on_disconnect)
    async def action(stream: Stream) -> None:
        await asyncio.to_thread(work, stream)

    async def main() -> None:
        transport = InProcessTransport(StreamActions([action]))
        handle = use_stream_action(action, base_url="http://test", client=transport)
        async with aclosing(handle.stream()) as chunks:
            await anext(chunks)
        await asyncio.to_thread(over.wait, 20)

    asyncio.run(main())
    (error,) = ended
    if on_disconnect == "continue":
        assert error is None
    else:
        # The first where it is first to notice, the second where the handler has ended its stream.
        assert isinstance(error, ClientDisconnectedError | StreamClosedError)


def test_a_thread_whose_loop_has_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOP_CHECK_S", 0.01)
    ended: list[BaseException] = []
    given: list[Stream] = []
    begun, closed = threading.Event(), threading.Event()

    @define_stream_action
    async def action(stream: Stream) -> None:
        given.append(stream)
        await stream.send(1)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(collect(action))

    def work() -> None:
        for ready in (begun, closed):
            try:
                # The first is handed to a loop that runs no more, the second to one that is closed.
                ready.set() if ready is begun else ready.wait(20)
                given[0].send_from_thread(2)
            except StreamClosedError as error:
                ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(20)
    loop.close()
    closed.set()
    thread.join(20)
    assert not thread.is_alive()
    assert ["ended" in str(error) for error in ended] == [True, True]
