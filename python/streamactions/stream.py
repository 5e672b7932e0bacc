"""The stream that a handler sends into.

Its hot path is in Rust (``StreamCore``): ``send`` encodes the chunk into the stream's buffer, and
what is buffered goes to the connection as soon as it may. This module adds what a chunk may be.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import orjson
from pydantic import TypeAdapter
from pydantic_core import to_json

from streamactions._core import StreamCore
from streamactions.errors import InvalidChunkError

__all__ = ["Encode", "Encoding", "Stream", "guard_encoding", "make_encoding"]

Encode: TypeAlias = Callable[[Any], bytes]


class Encoding(NamedTuple):
    """How chunks become JSON.

    Attributes:
        fast: is asked first.
        patient: is asked for what ``fast`` refuses with a ``TypeError``.
    """

    fast: Encode
    patient: Encode


def _encode_any(chunk: Any) -> bytes:
    """Encode what orjson refuses: pydantic models, other keys than strings, large integers."""
    try:
        return to_json(chunk, by_alias=True, inf_nan_mode="null")
    except Exception as error:
        raise InvalidChunkError(
            f"send() got a {type(chunk).__name__} that JSON cannot hold ({error}): "
            "send dicts, lists, strings, numbers, dataclasses or pydantic models"
        ) from error


def make_encoding(output: TypeAdapter[Any] | None) -> Encoding:
    """The encoding of an action's chunks: checked against ``output`` where there is one.

    The encoders raise ``InvalidChunkError`` for what JSON cannot hold, and pydantic's
    ``ValidationError`` for what is no ``output``.
    """
    if output is None:
        return Encoding(orjson.dumps, _encode_any)
    validate, serialize = output.validator.validate_python, output.serializer.to_json

    def encode_output(chunk: Any) -> bytes:
        return serialize(validate(chunk), by_alias=True)

    # What a validator refuses must not find another way out.
    return Encoding(encode_output, encode_output)


def guard_encoding(encoding: Encoding, check_chunk: Callable[[bytes], None]) -> Encoding:
    """The same encoding, refusing what ``check_chunk`` refuses."""

    def guard(encode: Encode) -> Encode:
        def encode_checked(chunk: Any) -> bytes:
            json = encode(chunk)
            check_chunk(json)
            return json

        return encode_checked

    return Encoding(guard(encoding.fast), guard(encoding.patient))


class Stream(StreamCore):
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

    ``stream.closed`` tells whether it takes no more chunks; ``await stream.wait_closed()`` waits
    until everything is written or the client has left.
    """

    __slots__ = ()
