"""What the extension holds can be freed: no failure and no cycle keeps its callers' locals for ever."""

import asyncio
import gc
import socket
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest

from streamactions import Event, SSEDecoder
from streamactions._core import (
    EventReader,
    HTTPClient,
    HTTPMailbox,
    PulseCore,
    StreamCore,
    StreamSettings,
)
from streamactions.errors import EventTooLargeError, StreamCutError

FRAME: Final = b"data: 1\n\n"
FULL: Final = 8192 * b"2"


class Marker:
    """Lives as long as the frame or the object that holds it."""


def is_freed(use: Callable[[Marker], object]) -> bool:
    """Whether nothing holds the marker after `use` has returned."""
    marker = Marker()
    reference = weakref.ref(marker)
    use(marker)
    del marker
    gc.collect()
    return reference() is None


# --- Each way to fail ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["iter_events", "iter_json"])
@pytest.mark.parametrize("fault", [StreamCutError, EventTooLargeError])
@pytest.mark.parametrize("items", [0, 1])
def test_a_failed_loop_over_reads_keeps_no_locals(method: str, fault: type[Exception], items: int) -> None:
    bad = b"data: 2" if fault is StreamCutError else b"data: " + 100 * b"x"

    def read(marker: Marker) -> None:
        loop = getattr(SSEDecoder(max_event_bytes=50), method)([items * FRAME + bad])
        for _ in range(items):
            next(loop)
        for _ in range(2):
            with pytest.raises(fault) as first:
                next(loop)
            with pytest.raises(fault) as second:
                next(loop)
            assert first.value is not second.value
            assert str(first.value) == str(second.value)

    assert is_freed(read)


def make_settings(**options: Any) -> StreamSettings:
    kept = {
        "encode": bytes,
        "encode_any": bytes,
        "chunk_event": None,
        "done_frame": b"done",
        "keep_alive_s": 15.0,
        "outlives_client": False,
    }
    return StreamSettings(**(kept | options))


# --- What each class holds, the collector sees -----------------------------------------------


def make_fault(why: str, cause: Exception) -> Exception:
    return LookupError(why)


async def read_nothing() -> bytes:
    return b""


async def read_tail() -> None:
    pass


def make_reader(read: Callable[[], Awaitable[bytes]] = read_nothing, **options: Any) -> EventReader:
    kept = {
        "max_event_bytes": 50,
        "end": None,
        "end_event": None,
        "on_start": print,
        "read_tail": read_tail,
        "make_fault": make_fault,
    }
    return EventReader(read, **(kept | options))


def finds(holder: object, *held: object) -> bool:
    """Whether the collector finds that `holder` holds these."""
    found = gc.get_referents(holder)
    return gc.is_tracked(holder) and all(any(each is one for one in found) for each in held)


class Loop:
    """As much of an event loop as a signal needs."""


def begin(awaitable: Any) -> Any:
    """Await something up to its first wait for more than a turn of the loop."""
    steps = awaitable.__await__()
    while (waits := next(steps)) is None:
        pass
    return waits


def send_nothing(message: Any) -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


def test_a_stream_and_what_its_loop_shares() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        settings = make_settings(encode=len, encode_any=ord)
        assert finds(settings, len, ord)
        pulse = PulseCore(loop, 1.0, 1.0)
        stream = StreamCore(settings, send_nothing, pulse)
        pulse.add(stream)
        assert finds(pulse, loop, stream)
        assert finds(stream, settings, send_nothing, pulse)

    asyncio.run(main())


def test_who_waits_for_a_stream() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream = StreamCore(make_settings(), send_nothing, PulseCore(loop, 1.0, 1.0))
        connection = stream._next_write()
        assert finds(stream, connection)
        _ = stream.send(b"1")
        write: Any = await connection
        sending, closing = stream.send(FULL), stream.wait_closed()
        sender, closed = begin(sending), begin(closing)
        assert finds(stream, sender, closed)
        assert finds(sending, stream, sender)
        assert finds(closing, stream, closed)
        # The next write waits until the connection asks for it.
        stream._written()
        news = [each for each in gc.get_referents(stream) if type(each) is type(write)]
        assert news == [await stream._next_write()]

    asyncio.run(main())


def test_what_a_write_raised() -> None:
    error = LookupError()

    def send_failing(message: Any) -> Any:
        raise error

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream = StreamCore(make_settings(), send_failing, PulseCore(loop, 1.0, 1.0))
        _ = stream.send(b"1")
        assert finds(stream, error)
        with pytest.raises(LookupError):
            stream._next_write()
        assert not finds(stream, error)

    asyncio.run(main())


class Steps:
    """A server's awaitable that gives what it is told to."""

    def __init__(self, *given: object) -> None:
        self._given = iter(given)

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> "Iterator[Any]":
        return self

    def __next__(self) -> Any:
        return next(self._given)


def test_a_write_after_its_first_step() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        first = Marker()
        steps = Steps(first, None)
        stream = StreamCore(make_settings(), lambda message: steps, PulseCore(loop, 1.0, 1.0))
        _ = stream.send(b"1")
        write = await stream._next_write()
        assert finds(write, steps, first)

    asyncio.run(main())


def test_a_reader_and_its_loop() -> None:
    gate = asyncio.Event()

    async def read() -> bytes:
        await gate.wait()
        return 2 * FRAME

    async def main() -> None:
        reader = make_reader(read, on_start=list, read_tail=read_tail)
        assert finds(reader, read, list, read_tail, make_fault)
        items: Any = reader.values()
        item = anext(items)
        assert finds(items, item)
        assert finds(item, reader)
        begin(item)
        assert [each for each in gc.get_referents(reader) if hasattr(each, "throw")]
        item.close()
        gate.set()
        assert await anext(reader.events()) == Event(data="1")
        assert finds(reader, Event(data="1")) is False
        assert any(isinstance(each, Event) for each in gc.get_referents(reader))
        error = LookupError("interrupted")
        reader.interrupt(error)
        assert finds(reader, error)
        raised = []
        for _ in range(2):
            with pytest.raises(LookupError, match="interrupted") as caught:
                await anext(reader.events())
            raised.append(caught.value)
        assert error not in raised
        assert raised[0] is not raised[1]

    asyncio.run(main())


def test_sending_each() -> None:
    gate = asyncio.Event()

    async def items() -> Any:
        await gate.wait()
        yield 1

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream = StreamCore(make_settings(), send_nothing, PulseCore(loop, 1.0, 1.0))
        each = items()
        sending: Any = stream.send_each(each, bytes)
        assert finds(sending, stream, each, bytes)
        begin(sending)
        assert len(gc.get_referents(sending)) == len({*map(id, (stream, each, bytes, type(sending)))}) + 1
        sending.close()
        reader = make_reader()
        values: Any = reader.values()
        assert finds(stream.send_each(values), anext(values))

    asyncio.run(main())


def make_http_client() -> HTTPClient:
    return HTTPClient(
        connect_timeout_s=1.0, pool_size=1, pool_idle_s=1.0, ping_interval_s=1.0, ping_timeout_s=1.0
    )


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "http://{}:{}/".format(*server.getsockname())


def test_an_exchange_its_signal_and_its_mailbox(url: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        mailbox, client = HTTPMailbox(), make_http_client()
        exchange = client.send(mailbox, loop, "GET", url, [], None)
        take: Any = exchange.head()
        assert finds(take, exchange)
        signal = begin(take)
        assert finds(mailbox, signal)
        assert finds(exchange, mailbox, signal)
        signal.add_done_callback(print)
        assert finds(signal, loop, print)
        message = Marker()
        signal.cancel(message)
        assert finds(signal, message)
        take.close()
        exchange.close()

    asyncio.run(main())


def test_a_decoded_loop() -> None:
    decoder = SSEDecoder()
    reads = iter([FRAME + b"data: [2]\n\n"])
    loop = decoder.iter_json(reads)
    next(loop)
    assert finds(loop, decoder, reads)
    assert [2] in gc.get_referents(loop)


class Text(str):
    """Text that can hold other objects."""

    __slots__ = ("__dict__",)


def test_what_holds_no_objects_that_could_hold_it_needs_no_collector() -> None:
    event = Event(Text("a"), Text("b"), Text("c"))
    assert [type(event.event), type(event.data), type(event.id)] == [str, str, str]
    for holder in (event, SSEDecoder(), make_http_client()):
        assert {type(held) for held in gc.get_referents(holder)} <= {type}


# --- Cycles ----------------------------------------------------------------------------------


def test_a_stream_whose_waiters_hold_it_is_freed() -> None:
    async def main(marker: Marker) -> None:
        loop = asyncio.get_running_loop()
        stream = StreamCore(make_settings(), lambda message: loop.create_future(), PulseCore(loop, 1.0, 1.0))

        async def wait(kept: Marker, awaitable: Any) -> None:
            await awaitable

        _ = stream.send(b"1")
        waiting = [wait(marker, stream.wait_closed()), wait(marker, stream.send(FULL))]
        for coroutine in waiting:
            future = coroutine.send(None)
            future.add_done_callback(lambda _: (stream, waiting, marker))
        # Only the stream holds them now, and they hold the stream.

    assert is_freed(lambda marker: asyncio.run(main(marker)))


def test_a_pulse_whose_stream_holds_it_is_freed() -> None:
    async def main(marker: Marker) -> None:
        pulse = PulseCore(asyncio.get_running_loop(), 1.0, 1.0)
        pulse.add(StreamCore(make_settings(), lambda message: marker, pulse))  # type: ignore[return-value,arg-type]

    assert is_freed(lambda marker: asyncio.run(main(marker)))


def test_settings_that_their_encoder_holds_are_freed() -> None:
    def use(marker: Marker) -> None:
        held: list[Any] = [marker]
        held.append(make_settings(encode=lambda chunk: held))

    assert is_freed(use)


def test_a_reader_that_its_callbacks_hold_is_freed() -> None:
    def use(marker: Marker) -> None:
        held: list[Any] = [marker]
        reader = make_reader(on_start=lambda: held)
        error = LookupError(held)
        reader.interrupt(error)
        held += [reader, error]

    assert is_freed(use)


def test_a_mailbox_that_what_waits_in_it_holds_is_freed(url: str) -> None:
    async def main(marker: Marker) -> None:
        loop = asyncio.get_running_loop()
        mailbox = HTTPMailbox()
        client = make_http_client()
        exchange = client.send(mailbox, loop, "GET", url, [], None)
        begin(exchange.head()).add_done_callback(lambda _: (marker, exchange))

    assert is_freed(lambda marker: asyncio.run(main(marker)))
