"""Bytes of a body to typed chunks, without I/O.

Strategy: the decoder makes events of bytes, the dialect makes signals of events, pydantic makes
typed chunks of signals; the first end or fault, of whichever of the three, ends it for good.
What is given never depends on how the body was cut: chunks before a fault are given, and
anything after the end is ignored.
"""

from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from streamactions._core import Event, SSEDecoder
from streamactions.dialects import Chunk, Dialect, Failure, Signal, SignalReader
from streamactions.errors import ActionError, EventTooLargeError

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
        output: the type of each chunk; ``None`` gives them as decoded.
        max_event_bytes: the bound on what one event may hold.
    """

    def __init__(
        self, *, dialect: Dialect | None, output: TypeAdapter[ChunkT] | None, max_event_bytes: int
    ) -> None:
        self._decoder = SSEDecoder(max_event_bytes=max_event_bytes)
        self._signals = SignalReader(dialect)
        self._output = output
        self._max_event_bytes = max_event_bytes
        self.complete = False
        self.error: ActionError | None = None

    @property
    def ended(self) -> bool:
        """Whether no further chunk can come."""
        return self.complete or self.error is not None

    def feed(self, data: bytes) -> list[ChunkT]:
        """The chunks that these bytes complete."""
        chunks: list[ChunkT] = []
        events: list[Event]
        too_large = None
        try:
            events = self._decoder.feed(data)
        except EventTooLargeError as exc:
            events, too_large = exc.events, exc
        for event in events:
            if self.ended:
                return chunks
            try:
                signals = self._signals.feed(event)
            except ValueError as exc:
                self._fail(ActionError("INVALID_CHUNK", f"The server sent no valid chunk: {exc}", 502), exc)
                return chunks
            for signal in signals:
                self._take(signal, chunks)
        if too_large is not None and not self.ended:
            message = f"The server sent an event of more than {self._max_event_bytes} bytes (max_event_bytes)"
            self._fail(ActionError("EVENT_TOO_LARGE", message, 502), too_large)
        return chunks

    def finish(self) -> list[ChunkT]:
        """The chunks that the clean end of the body completes; the reader has ended after it."""
        chunks: list[ChunkT] = []
        signal = self._signals.finish()
        if signal is not None:
            self._take(signal, chunks)
        if not self.ended:
            self.error = stream_incomplete()
        return chunks

    def _take(self, signal: Signal, chunks: list[ChunkT]) -> None:
        if self.ended:
            return
        if isinstance(signal, Failure):
            self.error = signal.error
        elif not isinstance(signal, Chunk):
            self.complete = True
        elif self._output is None:
            chunks.append(signal.value)
        else:
            try:
                # Pydantic's JSON mode, not its Python mode: only that reads what a strict model wrote.
                chunks.append(self._output.validate_json(to_json(signal.value)))
            except ValidationError as exc:
                problem = exc.errors(include_url=False, include_context=False, include_input=False)[0]
                where = ".".join(str(part) for part in problem["loc"])
                what = f"{where}: {problem['msg']}" if where else problem["msg"]
                message = f"The server sent a chunk that does not match the output type: {what}"
                self._fail(ActionError("INVALID_CHUNK", message, 502), exc)

    def _fail(self, error: ActionError, cause: Exception) -> None:
        error.__cause__ = cause
        self.error = error
