"""Whoever waits for bytes is woken by them, by an interrupt and by a close, wherever these come from."""

import asyncio
import contextvars
import gc
import select
import socket
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from client_runner import run
from scripted_server import CHUNKED_HEAD, Connection, piece, scripted_server

from streamactions import ActionError
from streamactions._core import HTTPClient, HTTPExchange, HTTPMailbox
from streamactions.client import EventStream, open_event_stream
from streamactions.client.hyper_transport import _mailbox_of

MAX_WAIT_S: Final = 20


def mailbox() -> HTTPMailbox:
    return _mailbox_of(asyncio.get_running_loop())


def make_http_client() -> HTTPClient:
    return HTTPClient(
        connect_timeout_s=MAX_WAIT_S, pool_size=1, pool_idle_s=1.0, ping_interval_s=1.0, ping_timeout_s=1.0
    )


def deliver_within_this_task() -> None:
    """Take the news as the event loop does, as soon as there are any."""
    readable, _, _ = select.select([mailbox().fileno()], [], [], MAX_WAIT_S)
    assert readable
    mailbox().deliver()


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[EventStream, asyncio.Event]]:
    """A stream that says nothing until the event is set; then it says one event and stops."""
    may_send, is_over = asyncio.Event(), asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD)
        await may_send.wait()
        await connection.send(piece(b"data: 1\n\n"))
        await is_over.wait()

    async with scripted_server(script) as url:
        try:
            async with open_event_stream("GET", url) as stream:
                yield stream, may_send
        finally:
            may_send.set()
            is_over.set()


async def begin(read: Any) -> "asyncio.Task[Any]":
    """A task that waits for what it reads."""

    async def main() -> Any:
        return await read

    task = asyncio.create_task(main())
    await asyncio.sleep(0)
    return task


def test_an_interrupt_from_within_a_task_is_raised_where_the_reader_waits() -> None:
    async def main() -> None:
        async with opened() as (stream, _):
            reading = await begin(anext(stream.values()))
            stream._reader.interrupt(ActionError("STOPPED", "enough"))
            with pytest.raises(ActionError, match="enough"):
                await reading

    run(main)


def test_news_that_are_delivered_within_a_task_are_read() -> None:
    async def main() -> None:
        async with opened() as (stream, may_send):
            reading = await begin(anext(stream.values()))
            may_send.set()
            await asyncio.sleep(0)
            deliver_within_this_task()
            assert await reading == 1

    run(main)


def test_news_that_are_delivered_in_the_context_of_the_one_who_waits_are_read() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        shared = contextvars.copy_context()
        async with opened() as (stream, may_send):
            reading: asyncio.Task[Any] = loop.create_task(_next(stream), context=shared)
            await asyncio.sleep(0)
            loop.remove_reader(mailbox().fileno())
            may_send.set()
            await asyncio.sleep(0)
            loop.call_soon(deliver_within_this_task, context=shared)
            assert await reading == 1
            loop.add_reader(mailbox().fileno(), mailbox().deliver)

    run(main)


async def _next(stream: EventStream) -> Any:
    return await anext(stream.values())


def test_leaving_the_block_wakes_a_task_that_still_reads() -> None:
    async def main() -> None:
        async with opened() as (stream, _):
            reading = await begin(anext(stream.values()))
        with pytest.raises(ActionError) as caught:
            await reading
        assert caught.value.code == "STREAM_INCOMPLETE"
        with pytest.raises(ActionError):
            await anext(stream.values())

    run(main)


@asynccontextmanager
async def requested() -> AsyncIterator[tuple[HTTPExchange, Callable[[], None]]]:
    """An exchange whose head has not come, and what makes it come."""
    is_received, may_send, is_over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.receive()
        is_received.set()
        await may_send.wait()
        await connection.send(CHUNKED_HEAD)
        await is_over.wait()

    async with scripted_server(script) as url:
        client = make_http_client()
        exchange = client.send(mailbox(), asyncio.get_running_loop(), "GET", url + "/", [], None)
        try:
            await is_received.wait()
            yield exchange, may_send.set
        finally:
            exchange.close()
            may_send.set()
            is_over.set()


def test_a_callback_that_raises_does_not_keep_the_others_from_their_news() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        failures: list[Any] = []
        loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
        async with requested() as (exchange, answer):
            signal: Any = next(exchange.head().__await__())
            called = loop.create_future()
            signal.add_done_callback(lambda _: 1 / 0)
            signal.add_done_callback(called.set_result)
            answer()
            assert await called is signal
            assert [type(failure) for failure in failures] == [ZeroDivisionError]

    run(main)


def test_two_exchanges_of_which_one_raises_are_both_delivered() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        failures: list[Any] = []
        loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
        async with requested() as (first, answer_first), requested() as (second, answer_second):
            first_signal: Any = next(first.head().__await__())
            second_signal: Any = next(second.head().__await__())
            called: list[Any] = []
            is_called = asyncio.Event()

            def note_both(_: Any) -> None:
                if len(called) == 2:
                    is_called.set()

            for signal in (first_signal, second_signal):
                signal.add_done_callback(lambda _: 1 / 0)
                signal.add_done_callback(called.append)
                signal.add_done_callback(note_both)
            answer_first()
            answer_second()
            await is_called.wait()
            assert set(called) == {first_signal, second_signal}
            assert [type(failure) for failure in failures] == 2 * [ZeroDivisionError]

    run(main)


class Comparing:
    """A callback that does something when it is compared."""

    def __init__(self, on_compare: Callable[[], None]) -> None:
        self._on_compare = on_compare

    def __eq__(self, other: object) -> bool:
        self._on_compare()
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, signal: Any) -> None:
        pass


@pytest.mark.parametrize("fault", ["raises", "closes"])
def test_removing_one_callback_never_loses_another(fault: str) -> None:
    async def main() -> None:
        async with requested() as (exchange, answer):
            signal: Any = next(exchange.head().__await__())
            called = asyncio.get_running_loop().create_future()

            def on_compare() -> None:
                if fault == "raises":
                    raise LookupError
                exchange.close()

            signal.add_done_callback(Comparing(on_compare))
            signal.add_done_callback(called.set_result)
            if fault == "raises":
                with pytest.raises(LookupError):
                    signal.remove_done_callback(print)
            else:
                assert signal.remove_done_callback(print) == 0
            answer()
            assert await called is signal

    run(main)


def test_a_callback_is_removed() -> None:
    async def main() -> None:
        async with requested() as (exchange, answer):
            signal: Any = next(exchange.head().__await__())
            called: list[Any] = []
            kept = asyncio.get_running_loop().create_future()
            signal.add_done_callback(called.append)
            signal.add_done_callback(kept.set_result)
            assert signal.remove_done_callback(called.append) == 1
            answer()
            assert await kept is signal
            assert called == []

    run(main)


def test_a_task_that_nobody_ends_is_freed_with_its_loop() -> None:
    """It waits for a signal that holds it: only a collection can free both."""

    class Marker:
        """Lives as long as the task's frame."""

    async def main(server: socket.socket) -> "tuple[weakref.ref[Marker], socket.socket]":
        marker = Marker()
        loop = asyncio.get_running_loop()
        client = make_http_client()
        url = "http://{}:{}/".format(*server.getsockname())

        async def read_on(kept: Marker) -> None:
            await client.send(HTTPMailbox(), loop, "GET", url, [], None).head()

        task = await begin(read_on(marker))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        connection, _ = await loop.sock_accept(server)
        return weakref.ref(marker), connection

    loop = asyncio.new_event_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        reference, connection = loop.run_until_complete(main(server))
        with connection:
            loop.close()
            assert reference() is not None
            del loop
            gc.collect()
            assert reference() is None


def test_a_second_task_is_refused_and_takes_no_news_from_the_first() -> None:
    async def main() -> None:
        async with requested() as (exchange, answer):
            reading = await begin(exchange.head())
            with pytest.raises(RuntimeError, match="one task at a time"):
                await exchange.head()
            # One that never waited gives nothing up.
            exchange.head().close()  # type: ignore[attr-defined]
            answer()
            status, _ = await reading
            assert status == 200

    run(main)
