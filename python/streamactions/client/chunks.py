"""Bytes of a body to typed chunks, without I/O.

Strategy: one call of the decoder for each read makes JSON values of bytes, the dialect tells chunks
from the end, pydantic makes typed chunks of values; the first end or fault, of whichever of the
three, ends it for good.
What is given never depends on how the body was cut: chunks before a fault are given, and
anything after the end is ignored.
"""

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from streamactions._core import SSEDecoder
from streamactions.dialects import Dialect, Done, Failure, SignalReader
from streamactions.errors import ActionError, EventTooLargeError
from streamactions.fail_fast import validate_json
from streamactions.field_errors import ROOT, first_error
from streamactions.serialized_form import serialized_form

__all__ = ["ChunkReader", "stream_incomplete"]

ChunkT = TypeVar("ChunkT")


def stream_incomplete() -> ActionError:
    """The error of a body that ended without its end event."""
    return ActionError(
        "STREAM_INCOMPLETE",
        "The connection ended before the server said that the stream is complete",
        502,
    )


class ChunkReader(Generic[ChunkT]):
    """Reads the body of one stream.

    Attributes:
        complete: the server said that the stream is complete.
        error: why the stream failed, if it did.

    Args:
        dialect: what the server speaks; ``None`` finds out.
        output: the type of each chunk, which is read in its serialised form; ``None`` gives them as decoded.
        max_event_bytes: the bound on what one event may hold.
    """

    def __init__(
        self, *, dialect: Dialect | None, output: TypeAdapter[ChunkT] | None, max_event_bytes: int
    ) -> None:
        self._decoder = SSEDecoder(max_event_bytes=max_event_bytes)
        self._signals = SignalReader(dialect)
        self._output = None if output is None else serialized_form(output)
        self._max_event_bytes = max_event_bytes
        self.complete = False
        self.error: ActionError | None = None

    @property
    def ended(self) -> bool:
        """Whether no further chunk can come."""
        return self.complete or self.error is not None

    def feed(self, data: bytes) -> list[ChunkT]:
        """The chunks that these bytes complete; none any more once the reader has ended."""
        if self.ended:
            return []
        items: list[Any]
        values: list[Any] = []
        end = None
        fault: Exception | None = None
        try:
            items = self._decoder.feed_json(data, messages_only=True)
        except EventTooLargeError as exc:
            items, fault = exc.events, exc
        try:
            end = self._signals.feed(items, values)
        except ValueError as exc:
            fault = exc
        chunks = self._typed(values)
        if self.ended:
            return chunks
        if end is not None:
            self._end(end)
        elif isinstance(fault, EventTooLargeError):
            message = f"The server sent an event of more than {self._max_event_bytes} bytes (max_event_bytes)"
            self._fail(ActionError("EVENT_TOO_LARGE", message, 502), fault)
        elif fault is not None:
            self._fail(ActionError("INVALID_CHUNK", f"The server sent no valid chunk: {fault}", 502), fault)
        return chunks

    def finish(self) -> None:
        """The body has ended cleanly: the reader has ended after it."""
        end = self._signals.finish()
        # An end is the last event of its stream: one behind which another begins was none.
        if end is not None and not self._decoder.buffered_bytes:
            self._end(end)
        else:
            self.error = stream_incomplete()

    def _end(self, end: Done | Failure) -> None:
        if isinstance(end, Failure):
            self.error = end.error
        else:
            self.complete = True

    def _typed(self, values: list[Any]) -> list[ChunkT]:
        """The values as chunks, up to the first that does not match the output type."""
        if self._output is None:
            return values
        chunks: list[ChunkT] = []
        try:
            # Pydantic's JSON mode, not its Python mode: only that reads what a strict model wrote.
            # A generator, so that the chunks before a fault are kept.
            chunks.extend(validate_json(self._output, to_json(value)) for value in values)
        except ValidationError as exc:
            where, what = first_error(exc)
            what = what if where == ROOT else f"{where}: {what}"
            message = f"The server sent a chunk that does not match the output type: {what}"
            self._fail(ActionError("INVALID_CHUNK", message, 502), exc)
        return chunks

    def _fail(self, error: ActionError, cause: Exception) -> None:
        error.__cause__ = cause
        self.error = error
