"""Handlers that are not async: in a thread, at their reader's pace, and cancelled at their next send."""

import asyncio
import contextvars
import functools
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest

from streamactions import (
    ActionError,
    Stream,
    StreamActions,
    create_action_error,
    define_middleware,
    define_stream_action,
    threads,
)
from streamactions.client import use_stream_action
from streamactions.testing import InProcessTransport, collect

CALLER: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")
LARGE = "x" * 100_000


@define_stream_action
def counts(input: dict[str, int], stream: Stream) -> None:
    assert threading.current_thread() is not threading.main_thread()
    for number in range(input["count"]):
        stream.send_from_thread(number)


@define_stream_action
def yields(input: dict[str, int]) -> Iterator[int]:
    for number in range(input["count"]):
        assert threading.current_thread() is not threading.main_thread()
        yield number


class Counting:
    def __call__(self, input: dict[str, int]) -> Iterator[int]:
        yield from range(input["count"])


@pytest.mark.parametrize(
    "action",
    [
        counts,
        yields,
        define_stream_action(Counting(), name="object"),
        define_stream_action(functools.partial(yields.handler), name="partial"),
    ],
)
def test_they_send_what_async_ones_send(action: Any) -> None:
    for count in (0, 1, 300):
        assert asyncio.run(collect(action, {"count": count})) == list(range(count))


@pytest.mark.parametrize("is_generator", [False, True])
def test_they_run_in_the_context_that_their_middleware_left(is_generator: bool) -> None:
    @define_middleware
    async def name(next: Any) -> Any:
        CALLER.set("ada")
        return await next()

    @define_stream_action(middleware=[name])
    def sends(stream: Stream) -> None:
        stream.send_from_thread(CALLER.get())

    @define_stream_action(middleware=[name])
    def generates() -> Iterator[str]:
        yield CALLER.get()
        CALLER.set("grace")
        yield CALLER.get()

    told = asyncio.run(collect(generates if is_generator else sends))
    assert told == (["ada", "grace"] if is_generator else ["ada"])


def fails(error: BaseException, stream: Stream) -> None:
    raise error


def fails_in_a_generator(error: BaseException, stream: Stream) -> Iterator[int]:
    yield 1
    raise error


@pytest.mark.parametrize("handler", [fails, fails_in_a_generator])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (create_action_error("TEAPOT", "short and stout", 418), "TEAPOT"),
        (RuntimeError("broken"), "STREAM_ERROR"),
        (StopIteration(1), "STREAM_ERROR"),
        (StopAsyncIteration(1), "STREAM_ERROR"),
        (SystemExit(1), "STREAM_ERROR"),
        (KeyboardInterrupt(), "STREAM_ERROR"),
        (asyncio.CancelledError(), "STREAM_ERROR"),
        (GeneratorExit(), "STREAM_ERROR"),
    ],
)
def test_their_failures_are_told(handler: Any, error: BaseException, code: str) -> None:
    action = define_stream_action(functools.partial(handler, error), name="fails")
    with pytest.raises(ActionError) as told:
        asyncio.run(asyncio.wait_for(collect(action), 20))
    assert told.value.code == code


def test_what_they_return_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def handler() -> None: ...

    @define_stream_action
    def returns(stream: Stream) -> int:
        return 1

    @define_stream_action
    def decorated(stream: Stream) -> Any:
        return handler()

    for action, text in ((returns, "stream.send_from_thread(...)"), (decorated, "functools.wraps")):
        with pytest.raises(ActionError):
            asyncio.run(collect(action))
        assert text in caplog.text


class Journal:
    """What a handler in a thread notes, for a test in the event loop."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.sent = 0
        self.error: BaseException | None = None


def sends_for_ever(journal: Journal) -> Any:
    def handler(stream: Stream) -> None:
        try:
            while True:
                stream.send_from_thread(LARGE)
                journal.sent += 1
        except BaseException as error:
            journal.error = error
            raise
        finally:
            journal.is_over.set()

    return handler


def yields_for_ever(journal: Journal) -> Any:
    def handler() -> Iterator[str]:
        try:
            while True:
                yield LARGE
                journal.sent += 1
        except BaseException as error:
            journal.error = error
            raise
        finally:
            journal.is_over.set()

    return handler


@pytest.mark.parametrize("make", [sends_for_ever, yields_for_ever])
@pytest.mark.parametrize("is_stalled", [False, True])
def test_a_client_that_leaves_cancels_them_at_their_next_send(make: Any, is_stalled: bool) -> None:
    journal = Journal()
    action = define_stream_action(make(journal), name="endless")

    async def main() -> None:
        transport = InProcessTransport(StreamActions([action]))
        handle = use_stream_action(action, base_url="http://test", client=transport)
        async with aclosing(handle.stream()) as chunks:
            await anext(chunks)
            if is_stalled:
                before = -1
                while journal.sent != before:
                    before = journal.sent
                    await asyncio.sleep(0.05)
        # Leaving waits until the app has ended the call, and that waits for the thread.
        assert journal.is_over.is_set()

    asyncio.run(main())
    assert isinstance(journal.error, asyncio.CancelledError | GeneratorExit)
    # A reader that has stopped reading holds them back.
    assert journal.sent < 100 or not is_stalled


@pytest.mark.parametrize("make", [sends_for_ever, yields_for_ever])
def test_a_server_that_stops_tells_their_client(make: Any) -> None:
    journal = Journal()
    action = define_stream_action(make(journal), name="endless")

    async def main() -> str:
        app = StreamActions([action], stop_timeout_s=0.2)
        handle = use_stream_action(action, base_url="http://test", client=InProcessTransport(app))
        stopping = None
        try:
            async for _ in handle.stream():
                if stopping is None:
                    stopping = asyncio.create_task(app.stop())
        except ActionError as error:
            assert stopping is not None
            await stopping
            return error.code
        return "complete"

    assert asyncio.run(main()) == "SERVER_STOPPING"
    assert journal.is_over.is_set()


def test_a_thread_that_computes_keeps_no_other_call() -> None:
    go_on = threading.Event()

    @define_stream_action
    def computes() -> Iterator[int]:
        go_on.wait(20)
        yield 1

    async def main() -> None:
        computing = asyncio.create_task(collect(computes))
        await asyncio.sleep(0)
        assert await collect(counts, {"count": 3}) == [0, 1, 2]
        go_on.set()
        assert await computing == [1]

    asyncio.run(main())


def test_there_are_so_many_threads_and_further_calls_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_THREADS", 2)
    threads._executor.cache_clear()
    lock = threading.Lock()
    at_once: list[int] = []
    running = 0

    @define_stream_action
    def works(stream: Stream) -> None:
        nonlocal running
        with lock:
            running += 1
            at_once.append(running)
        time.sleep(0.001)
        with lock:
            running -= 1
        stream.send_from_thread(1)

    async def main() -> None:
        assert await asyncio.gather(*(collect(works) for _ in range(20))) == [[1]] * 20

    try:
        asyncio.run(main())
    finally:
        threads._executor.cache_clear()
    assert max(at_once) == 2


def test_a_generator_is_closed_however_often_its_call_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_THREADS", 1)
    threads._executor.cache_clear()
    closed, go_on = threading.Event(), threading.Event()

    def generate() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    async def main() -> None:
        iterator = threads.iterate_in_threads(generate())  # type: ignore[arg-type]
        assert await anext(iterator) == 1
        # The only thread is busy, so that closing has to wait for it.
        busy = threads._executor().submit(go_on.wait, 20)
        closing = asyncio.create_task(iterator.aclose())
        for _ in range(3):
            await asyncio.sleep(0)
            closing.cancel()
        await asyncio.sleep(0)
        assert not closing.done()
        go_on.set()
        await asyncio.wait((closing,))
        assert closing.cancelled()
        assert busy.result()

    try:
        asyncio.run(main())
    finally:
        threads._executor.cache_clear()
    assert closed.is_set()
