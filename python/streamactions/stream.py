"""The stream that a handler sends into.

Its hot path is in Rust (``StreamCore``): ``send`` encodes the chunk into the stream's buffer, and
what is buffered goes to the connection as soon as it may. This module adds what a chunk may be.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, overload

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from streamactions._core import StreamCore
from streamactions.errors import InvalidChunkError, StreamClosedError, WrongThreadError
from streamactions.surrogates import replace_in_value
from streamactions.threads import running_call
from streamactions.types import ChunkT

__all__ = ["Encode", "Encoding", "Stream", "guard_encoding", "make_encoding"]

ItemT = TypeVar("ItemT")

Encode: TypeAlias = Callable[[Any], bytes]

LOOP_CHECK_S: Final = 1.0
"""How often a thread that waits for its reader looks whether the event loop still lives: one that was closed
never tells."""


_OPTIONS: Final = (
    orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""What orjson leaves to pydantic, which would write it in another way: a chunk has one form, whatever stands
beside it, and a type is asked what of it is sent."""


class Encoding(NamedTuple):
    """How chunks become JSON.

    Attributes:
        fast: is asked first.
        options: its third argument, as orjson's; ``None`` where it takes the chunk alone.
        patient: is asked for what ``fast`` refuses with a ``TypeError``.
    """

    fast: Callable[..., bytes]
    options: int | None
    patient: Encode


def _encode_any(chunk: Any) -> bytes:
    """Encode what orjson leaves: models, dataclasses, dates, other keys than strings, large integers."""
    try:
        return to_json(chunk, by_alias=True, inf_nan_mode="null")
    except Exception as error:
        if "surrogates not allowed" in str(error):
            return _encode_without_halves(chunk)
        raise _no_json(chunk, error) from error


def _encode_without_halves(chunk: Any) -> bytes:
    if _holds_iterator(chunk):
        # The first attempt has taken from it: a second would send less than was meant.
        raise _no_json(chunk, UnicodeError("an iterator gave half of a surrogate pair"))
    try:
        return to_json(replace_in_value(chunk), by_alias=True, inf_nan_mode="null")
    except Exception as error:
        raise _no_json(chunk, error) from error


def _holds_iterator(chunk: Any) -> bool:
    if isinstance(chunk, dict):
        return any(_holds_iterator(item) for item in chunk.values())
    if isinstance(chunk, list | tuple | set | frozenset | deque):
        return any(_holds_iterator(item) for item in chunk)
    return isinstance(chunk, Iterator)


def _no_json(chunk: Any, error: Exception) -> InvalidChunkError:
    return InvalidChunkError(
        f"send() got a {type(chunk).__name__} that JSON cannot hold ({error}): "
        "send dicts, lists, strings, numbers, dataclasses or pydantic models"
    )


def make_encoding(output: TypeAdapter[Any] | None) -> Encoding:
    """The encoding of an action's chunks: checked against ``output`` where there is one.

    The encoders raise ``InvalidChunkError`` for what JSON cannot hold, and pydantic's
    ``ValidationError`` for what is no ``output``.
    """
    if output is None:
        return Encoding(orjson.dumps, _OPTIONS, _encode_any)
    validate, serialize = output.validator.validate_python, output.serializer.to_json
    to_python = output.serializer.to_python

    def encode_output(chunk: Any) -> bytes:
        try:
            value = validate(chunk)
            json = serialize(value, by_alias=True)
        except (ValidationError, PydanticSerializationError) as error:
            if not _is_of_halves(error):
                raise
            value = validate(replace_in_value(chunk))
            json = serialize(value, by_alias=True)
        # With pydantic's ser_json_inf_nan="constants", which is no JSON (RFC 8259, section 6).
        if (b"NaN" in json or b"Infinity" in json) and not _is_json(json):
            return to_json(to_python(value, mode="json", by_alias=True), inf_nan_mode="null")
        return json

    # What a validator refuses must not find another way out.
    return Encoding(encode_output, None, encode_output)


def _is_of_halves(error: Exception) -> bool:
    if isinstance(error, ValidationError):
        return any(details["type"] == "string_unicode" for details in error.errors(include_url=False))
    return "surrogates not allowed" in str(error)


def _is_json(json: bytes) -> bool:
    try:
        orjson.loads(json)
    except orjson.JSONDecodeError:
        return False
    return True


def guard_encoding(encoding: Encoding, check_chunk: Callable[[bytes], None]) -> Encoding:
    """The same encoding, refusing what ``check_chunk`` refuses."""
    fast, options, patient = encoding

    def encode_fast(chunk: Any, *arguments: Any) -> bytes:
        json = fast(chunk, *arguments)
        check_chunk(json)
        return json

    def encode_patiently(chunk: Any) -> bytes:
        json = patient(chunk)
        check_chunk(json)
        return json

    return Encoding(encode_fast, options, encode_patiently)


class Stream(StreamCore, Generic[ChunkT]):
    """What a handler sends its chunks into.

    ``await stream.send(chunk)`` sends one chunk: anything that JSON can hold, dataclasses and
    pydantic models. The chunk is in the stream when ``send`` returns; awaiting it lets a slow
    reader slow the handler down. It raises ``InvalidChunkError`` for what JSON cannot hold,
    ``SendNotAwaitedError`` once more than 64 KiB wait of sends that nobody awaits,
    ``StreamClosedError`` after ``close()``, and ``ClientDisconnectedError`` after the client left
    in a handler that was cancelled and went on.

    ``await stream.send_each(items)`` sends everything that an async iterable gives, and
    ``send_each(items, make_chunk)`` what ``make_chunk`` makes of each item, but for ``None``.

    ``await stream.close()`` says that the stream is complete. Returning from the handler does the
    same; calling it twice is fine.

    ``stream.send_from_thread(chunk)`` is ``send`` for other threads than the event loop's, such as those of
    ``asyncio.to_thread``, where ``send`` raises ``WrongThreadError``.

    ``stream.closed`` tells whether it takes no more chunks; ``await stream.wait_closed()`` waits
    until everything is written or the client has left.

    ``Stream[Chunk]`` says to type checkers what is sent; ``Stream`` alone takes anything.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def send(self, chunk: ChunkT) -> Coroutine[Any, Any, None]:
            """Send one chunk; see above."""

        # Narrower than what the extension says of itself: the items are chunks, or made into some.
        @overload  # type: ignore[override]
        def send_each(
            self, items: AsyncIterable[ChunkT], make_chunk: None = None
        ) -> Coroutine[Any, Any, None]: ...
        @overload
        def send_each(
            self, items: AsyncIterable[ItemT], make_chunk: Callable[[ItemT], ChunkT | None]
        ) -> Coroutine[Any, Any, None]: ...
        def send_each(self, items: Any, make_chunk: Any = None) -> Coroutine[Any, Any, None]:
            """Send everything that an async iterable gives; see above."""

    def send_from_thread(self, chunk: ChunkT) -> None:
        """Send one chunk from another thread than the event loop's; blocks for as long as the reader takes.

        Args:
            chunk: as in ``send``.

        Raises:
            asyncio.CancelledError: the handler that runs in this thread was cancelled.
            ClientDisconnectedError: the client has left.
            StreamClosedError: the stream, or its event loop, has ended.
            WrongThreadError: this is the event loop's own thread, which would wait for itself.
            InvalidChunkError: JSON cannot hold the chunk.
        """
        loop = self._event_loop
        if asyncio._get_running_loop() is loop:
            raise WrongThreadError(
                "send_from_thread() would make the event loop wait for itself: "
                "write `await stream.send(chunk)`"
            )
        call = running_call()
        if call is not None and call.is_cancelled:
            raise asyncio.CancelledError
        sending = self._send_one(chunk)
        try:
            future = asyncio.run_coroutine_threadsafe(sending, loop)
        except RuntimeError as error:
            sending.close()
            raise _loop_has_ended() from error
        if call is not None:
            call.wait_for(future)
        try:
            if not _is_done_by(loop, future):
                # Nobody else can end what a closed loop has begun, or not begun.
                sending.close()
                raise _loop_has_ended()
            future.result()
        except CancelledError:
            if call is not None and call.is_cancelled:
                raise asyncio.CancelledError from None
            raise _loop_has_ended() from None
        finally:
            if call is not None:
                call.sending = None

    async def _send_one(self, chunk: ChunkT) -> None:
        # In the event loop's thread, which `send` has to be called in.
        await self.send(chunk)


def _is_done_by(loop: asyncio.AbstractEventLoop, future: "Future[None]") -> bool:
    """Wait for what a loop does; ``False`` where the loop was closed instead."""
    while not wait((future,), LOOP_CHECK_S).done:
        if loop.is_closed():
            return False
    return True


def _loop_has_ended() -> StreamClosedError:
    return StreamClosedError("the stream's event loop has ended, and nobody reads it any more")
