"""The Rust extension: the event-stream decoder and encoder, a stream's core, the root of the error tree."""

from asyncio import AbstractEventLoop
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, Final, Literal, Self, TypedDict, final

from typing_extensions import disjoint_base

__all__ = [
    "MAX_TURN_S",
    "ClientDisconnectedError",
    "Event",
    "EventReader",
    "EventTooLargeError",
    "HTTPClient",
    "HTTPExchange",
    "HTTPMailbox",
    "PulseCore",
    "SSEDecoder",
    "SendNotAwaitedError",
    "StreamActionsError",
    "StreamClosedError",
    "StreamCore",
    "StreamCutError",
    "StreamSettings",
    "WrongThreadError",
    "build_info",
    "due_turn",
    "encode_event",
    "repair_json",
]

class StreamActionsError(Exception):
    """The root of every error that this package raises."""

class StreamClosedError(StreamActionsError):
    """``send`` was called after the handler's own code had closed the stream."""

class SendNotAwaitedError(StreamActionsError):
    """``send`` was called again and again without ``await``, faster than the client reads."""

class WrongThreadError(StreamActionsError):
    """A stream was used in another thread than that of its event loop; nothing was sent."""

class ClientDisconnectedError(StreamActionsError):
    """``send`` was called after the client had left, by a handler that survived its cancellation."""

class EventTooLargeError(StreamActionsError):
    """One event of an incoming stream is larger than the decoder's ``max_event_bytes``."""

    events: list[Any]
    """What the same ``feed`` or ``feed_json`` completed before the event that is too large."""

class StreamCutError(StreamActionsError):
    """The reads of an incoming stream ended inside an event."""

@final
class SSEDecoder:
    """An incremental decoder of Server-Sent Events, without I/O.

    It follows the WHATWG rules ("Interpreting an event stream") exactly, and what it gives
    never depends on where the input was cut. An event whose blank line has not come is never
    given: a stream that ends inside an event has lost it.

    A decoder belongs to the one who reads the stream: a call that comes while another is under way, as
    another thread's can, raises ``RuntimeError``.

    Args:
        max_event_bytes: the bound in bytes on what one event may hold, as received: its data,
            ``event`` and ``id``, an unfinished line included; from 1 to 2**32 - 1.

    Raises:
        ValueError: ``max_event_bytes`` is out of that range.
    """

    def __new__(cls, *, max_event_bytes: int = 1_048_576) -> Self: ...
    def feed(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Take the stream's next bytes and return the events that they complete.

        Args:
            data: any number of bytes, cut anywhere.

        Raises:
            EventTooLargeError: an event holds more than ``max_event_bytes``; every later call
                raises again. Its ``events`` are those that this call completed before.
            TypeError: ``data`` is not bytes-like.
        """

    def feed_json(self, data: bytes | bytearray | memoryview, *, messages_only: bool = False) -> list[Any]:
        """Take the stream's next bytes and return the JSON values of the events that they complete.

        It costs a fraction of `feed` and ``Event.json``: no string is made of an event's data.

        Args:
            data: any number of bytes, cut anywhere.
            messages_only: whether an event that names a type other than ``"message"`` stays an
                `Event`, so that its type is known.

        Returns:
            One item for each event: its value, or the `Event` itself where its data is not JSON
            or where ``messages_only`` says so. No value is an `Event`, so the two are told apart
            by their class.

        Raises:
            EventTooLargeError: as in `feed`; its ``events`` are items of the same kind.
            TypeError: ``data`` is not bytes-like.
        """

    def iter_events(self, reads: Iterable[bytes | bytearray | memoryview]) -> Iterator[Event]:
        """Decode a whole stream: the events of its reads, as `feed` gives them.

        Args:
            reads: the stream's bytes, cut anywhere, such as ``response.iter_bytes()`` of a client
                that waits for them.

        Raises:
            EventTooLargeError: an event holds more than ``max_event_bytes``, after those before it.
            StreamCutError: the reads ended inside an event.
            TypeError: ``reads`` is no iterable, or not of what is bytes-like.
        """

    def iter_json(
        self, reads: Iterable[bytes | bytearray | memoryview], *, messages_only: bool = False
    ) -> Iterator[Any]:
        """Decode a whole stream: the JSON values of its reads' events, as `feed_json` gives them.

        Args:
            reads: as in `iter_events`.
            messages_only: as in `feed_json`.

        Raises:
            EventTooLargeError, StreamCutError, TypeError: as in `iter_events`.
        """

    @property
    def last_event_id(self) -> str:
        """The stream's last event ID as of its last blank line, ``""`` if none."""

    @property
    def retry_ms(self) -> int | None:
        """The stream's last valid ``retry`` in milliseconds, or ``None``; at most 2**53 - 1."""

    @property
    def buffered_bytes(self) -> int:
        """How many bytes of an unfinished event are held; at most ``max_event_bytes``."""

@final
class Event:
    """One event of a stream; immutable, hashable, equal by value.

    Args:
        event: the type, ``"message"`` where the stream names none.
        data: the data lines, joined by LF.
        id: the stream's last event ID, ``""`` if none; it may come from an earlier event.
        retry_ms: the reconnection time in milliseconds that this event's block names, if any.

    Raises:
        ValueError: ``retry_ms`` is not from 0 to 2**53 - 1.
    """

    def __new__(
        cls, event: str = "message", data: str = "", id: str = "", retry_ms: int | None = None
    ) -> Self: ...
    @property
    def event(self) -> str:
        """The type: ``"message"`` where the stream names none."""

    @property
    def data(self) -> str:
        """The data lines, joined by LF."""

    @property
    def id(self) -> str:
        """The stream's last event ID, ``""`` if none; it may come from an earlier event."""

    @property
    def retry_ms(self) -> int | None:
        """The reconnection time in milliseconds that this event's block names, or ``None``."""

    def json(self) -> Any:
        """The data as a JSON value.

        Raises:
            ValueError: the data is not JSON; the message says what is wrong, and where.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def encode_event(
    data: str | bytes | bytearray | memoryview,
    *,
    event: str | None = None,
    id: str | None = None,
    retry_ms: int | None = None,
) -> bytes:
    """Encode one event as one frame, blank line included.

    A decoder gives the same event back, with each CRLF, CR or LF in ``data`` read as LF.

    Args:
        data: text, or UTF-8 bytes; each line of it becomes a ``data:`` line.
        event: the type; ``None`` and ``""`` are read as ``"message"``.
        id: the last event ID from this event on; ``""`` clears it, ``None`` leaves it.
        retry_ms: the reconnection time in milliseconds, 0 to 2**53 - 1.

    Raises:
        ValueError: CR or LF in ``event``; CR, LF or NUL in ``id``; ``retry_ms`` out of range;
            text that UTF-8 cannot hold, or bytes that are not UTF-8.
        TypeError: an argument has the wrong type.
    """

class _BuildInfo(TypedDict):
    version: str
    profile: str
    target: str

def build_info() -> _BuildInfo:
    """The crate's version and how it was built: ``{"version", "profile", "target"}``."""

@final
class StreamSettings:
    """What the streams of one action have in common.

    Args:
        encode: turns a chunk into JSON.
        encode_options: where given, ``encode`` is called as ``orjson.dumps`` is: ``(chunk, None, options)``.
        encode_any: is asked for what ``encode`` refuses with a ``TypeError``.
        chunk_event: the ``event:`` of a chunk's frame, if any.
        done_frame: the frame that says that a stream is complete.
        keep_alive_s: seconds without a frame before a keep-alive.
        outlives_client: whether ``send`` is silent, rather than an error, once the client has left.

    Raises:
        ValueError: CR or LF in ``chunk_event``.
    """

    def __new__(
        cls,
        *,
        encode: Callable[..., bytes],
        encode_options: int | None = None,
        encode_any: Callable[[Any], bytes],
        chunk_event: str | None,
        done_frame: bytes,
        keep_alive_s: float,
        outlives_client: bool,
    ) -> Self: ...

@disjoint_base
class StreamCore:
    """The core of ``streamactions.Stream``.

    Args:
        settings: those of its action.
        server_send: ASGI's ``send``; it gets the pieces of the response's body.
        pulse: that of the running event loop.

    Names that start with ``_`` belong to the run and the connection, not to a handler.
    """

    def __new__(
        cls,
        settings: StreamSettings,
        server_send: Callable[[dict[str, Any]], Awaitable[None]],
        pulse: PulseCore,
    ) -> Self: ...
    def send(self, chunk: Any) -> Coroutine[Any, Any, None]:
        """Send one chunk.

        The chunk is in the stream when the call returns, and is not where the call raises; the awaitable only
        paces the sender. A task can be made of it.

        Args:
            chunk: what JSON can hold, a dataclass or a pydantic model.

        Raises:
            InvalidChunkError: JSON cannot hold the chunk.
            StreamClosedError: the handler's own code has closed the stream.
            SendNotAwaitedError: a write is under way, and more than 64 KiB wait of earlier calls that nobody
                awaits. Calls that are awaited are never refused, however many tasks make them.
            WrongThreadError: this is not the thread of the stream's event loop; ``send_from_thread`` is
                for all others.
            ClientDisconnectedError: the client has left, and the handler went on after its
                cancellation.
        """

    def send_each(
        self, items: AsyncIterable[Any], make_chunk: Callable[[Any], Any] | None = None
    ) -> Coroutine[Any, Any, None]:
        """Send everything that an async iterable gives; awaiting it runs until the iterable has ended.

        It is ``async for item in items: await stream.send(item)`` at a fraction of its cost.

        Args:
            items: such as an async generator, or ``values()`` of an event stream that is relayed.
            make_chunk: makes a chunk of each item; an item for which it returns ``None`` is left out.

        Raises:
            TypeError: ``items`` is no async iterable.
            Exception: what ``items``, ``make_chunk`` or `send` raised.
        """

    def close(self) -> Coroutine[Any, Any, None]:
        """Say that the stream is complete. Calling it again changes nothing.

        Raises:
            WrongThreadError: this is not the thread of the stream's event loop.
        """

    @property
    def closed(self) -> bool:
        """Whether the stream takes no more chunks: it was closed, or the client has left."""

    def wait_closed(self) -> Coroutine[Any, Any, None]:
        """An awaitable that is done when the last frame is written or the client has left."""

    @property
    def buffered_bytes(self) -> int:
        """How many bytes wait for the connection."""

    @property
    def _event_loop(self) -> AbstractEventLoop: ...
    def _cut(self) -> None:
        """The run is stopped from outside: ``close`` says nothing any more."""

    def _finish(self, frame: bytes) -> None: ...
    def _abandon(self) -> None: ...
    def _next_write(self) -> Awaitable[Awaitable[None] | None]: ...
    def _written(self) -> None: ...
    def _flush(self) -> None: ...
    @property
    def _is_abandoned(self) -> bool: ...
    @property
    def _has_ended(self) -> bool: ...

@final
class PulseCore:
    """What an event loop's streams share: keep-alives, and whether the loop still turns.

    Args:
        event_loop: the loop of its streams.
        max_turn_s: how long a sender may keep the loop from turning, in seconds.
        scan_every_s: how much time lies at least between two looks at what keep-alives are due, in seconds.
    """

    def __new__(cls, event_loop: AbstractEventLoop, max_turn_s: float, scan_every_s: float) -> Self: ...
    def add(self, stream: StreamCore) -> None:
        """Watch over a stream."""

    def discard(self, stream: StreamCore) -> None:
        """Stop watching over a stream."""

    def beat(self) -> bool:
        """The timer has come. Returns whether there are streams left, so that it has to come again."""

MAX_TURN_S: Final[float]
"""How long a task that finds everything ready may keep its event loop from turning, in seconds."""

def due_turn() -> Awaitable[None] | None:
    """What the running task has to await so that its event loop turns; ``None`` where that was just now."""

@final
class HTTPMailbox:
    """Which exchanges of an event loop have news."""

    def __new__(cls) -> Self: ...
    def fileno(self) -> int:
        """The file descriptor that the event loop has to watch for reading."""

    def deliver(self) -> None:
        """Run whoever waits for an exchange that has news; called by the event loop.

        Raises:
            Exception: what the first of them raised that raised anything; all are run.
        """

@final
class HTTPClient:
    """An HTTP client with connections of its own; nothing is started before its first request."""

    def __new__(
        cls,
        *,
        connect_timeout_s: float,
        pool_size: int,
        pool_idle_s: float,
        ping_interval_s: float,
        ping_timeout_s: float,
        http1_only: bool = False,
        proxy: str | None = None,
        socket_path: str | None = None,
        verify: bool = True,
        ca_file: str | None = None,
        identity: tuple[str, str] | None = None,
    ) -> Self: ...
    def close(self) -> None:
        """Close the connections that are not in use, and each other one at the end of its exchange."""

    def send(
        self,
        mailbox: HTTPMailbox,
        event_loop: AbstractEventLoop,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: bytes | None,
    ) -> HTTPExchange:
        """Send a request. What comes of it is in the exchange.

        Args:
            mailbox: that of the event loop.
            event_loop: the running one.

        Raises:
            ValueError: it is no valid HTTP request.
        """

@final
class HTTPExchange:
    """One request that was sent, and what has come of its response."""

    def head(self) -> Awaitable[tuple[int, list[tuple[str, str]]]]:
        """Wait for the response's head; awaiting it gives the status and the header fields.

        Raises:
            ConnectionError: no response came.
        """

    def read(self) -> Awaitable[bytes]:
        """Wait for bytes of the body; awaiting it gives those that have come, at most 6 KiB.

        ``b""`` says that the body has ended, complete.

        Raises:
            ConnectionError: the body has broken off.
        """

    def close(self) -> None:
        """Give the exchange up; the connection of a body that was not read to its end is closed.

        Who waits for the head or the body, or asks for more, gets ``ConnectionError``.
        """

@final
class EventReader:
    """Reads one response: its events, their values, and its end.

    Args:
        source: an ``HTTPExchange``, or a function whose awaitable gives bytes, ``b""`` at the end.
        max_event_bytes: the bound on what one event may hold.
        end: the data of the last event, if the API promises one; it is not given.
        end_event: the type of the last event, likewise; it is given.
        on_start: called at the first event.
        read_tail: its awaitable reads on after the last event.
        make_fault: ``(why, cause)``, where ``why`` is ``"cut"``, ``"too large"`` or ``"not JSON"``: the
            exception to raise.
    """

    def __new__(
        cls,
        source: HTTPExchange | Callable[[], Awaitable[bytes]],
        *,
        max_event_bytes: int,
        end: str | None,
        end_event: str | None,
        on_start: Callable[[], None],
        read_tail: Callable[[], Awaitable[None]],
        make_fault: Callable[[Literal["cut", "too large", "not JSON"], Exception], Exception],
    ) -> Self: ...
    def events(self) -> AsyncIterator[Event]:
        """An async iterator of the events."""

    def values(self) -> AsyncIterator[Any]:
        """An async iterator of the events' JSON values."""

    @property
    def complete(self) -> bool:
        """Whether the stream was read to its proven end."""

    @property
    def waited_s(self) -> float | None:
        """For how long, in seconds, the reader has waited for bytes; ``None`` while it does not."""

    def interrupt(self, error: Exception) -> None:
        """Raise an error where the reader waits, or else at its next step, before what was read already.

        Args:
            error: is never raised itself; each step raises a copy of it (``copy.copy``). Call it from the
                event loop's thread.
        """

def repair_json(json: bytes, /) -> bytes:
    """JSON without what a strict parser refuses and many programs write.

    Returns:
        The JSON without a byte order mark (RFC 8259, section 8.1), and with U+FFFD for each escape of one
        half of a surrogate pair. What is no JSON for other reasons stays none.
    """
