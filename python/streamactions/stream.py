"""The stream that a handler sends into.

Its hot path is in Rust (``StreamCore``): ``send`` encodes the chunk into the stream's buffer, and
what is buffered goes to the connection as soon as it may. This module adds what a chunk may be.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson
from pydantic import TypeAdapter
from pydantic_core import to_json

from streamactions._core import StreamCore
from streamactions.errors import InvalidChunkError

__all__ = ["Encode", "Stream", "encode_any", "encode_fast", "make_encode"]

Encode: TypeAlias = Callable[[Any], bytes]

encode_fast: Final[Encode] = orjson.dumps
"""JSON values, dataclasses, datetimes, UUIDs and enums, as orjson writes them."""


def encode_any(chunk: Any) -> bytes:
    """Encode what ``encode_fast`` refuses: pydantic models, other keys than strings, large integers.

    Raises:
        InvalidChunkError: JSON cannot hold it.
    """
    try:
        return to_json(chunk, by_alias=True, inf_nan_mode="null")
    except Exception as error:
        raise InvalidChunkError(
            f"send() got a {type(chunk).__name__} that JSON cannot hold ({error}): "
            "send dicts, lists, strings, numbers, dataclasses or pydantic models"
        ) from error


def make_encode(output: TypeAdapter[Any] | None) -> Encode:
    """How chunks become JSON: checked against ``output`` where there is one."""
    if output is None:
        return encode_fast
    validate, serialize = output.validator.validate_python, output.serializer.to_json

    def encode_output(chunk: Any) -> bytes:
        return serialize(validate(chunk), by_alias=True)

    return encode_output


class Stream(StreamCore):
    """What a handler sends its chunks into.

    ``await stream.send(chunk)`` sends one chunk: anything that JSON can hold, dataclasses and
    pydantic models. The chunk is in the stream when ``send`` returns; awaiting it lets a slow
    reader slow the handler down. It raises ``InvalidChunkError`` for what JSON cannot hold,
    ``StreamClosedError`` after ``close()``, and ``ClientDisconnectedError`` after the client left
    in a handler that was cancelled and went on.

    ``await stream.close()`` says that the stream is complete. Returning from the handler does the
    same; calling it twice is fine.

    ``stream.closed`` tells whether it takes no more chunks; ``await stream.wait_closed()`` waits
    until everything is written or the client has left.
    """

    __slots__ = ()
