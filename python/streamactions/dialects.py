"""Dialects: how a stream's chunks, its end and its error are spelled as events.

A dialect is one small object with two halves. The server's half turns a chunk's JSON, the end
and an error into frames; the client's half, ``read``, turns an event back into one of them.
Nothing outside this module knows the bytes, so a further dialect is a further object here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import orjson

from streamactions._core import Event, encode_event
from streamactions.errors import ActionError, DefinitionError, InvalidChunkError

__all__ = [
    "DIALECTS",
    "Chunk",
    "Dialect",
    "Done",
    "Failure",
    "Signal",
    "SignalReader",
    "resolve_dialect",
]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One value that the handler sent."""

    value: Any


@dataclass(frozen=True, slots=True)
class Done:
    """The server said that the stream is complete."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The server said that the stream failed."""

    error: ActionError


Signal: TypeAlias = Chunk | Done | Failure


class Dialect(Protocol):
    """How one family of clients spells a stream."""

    @property
    def name(self) -> str:
        """The word for ``dialect=``."""

    @property
    def chunk_event(self) -> str | None:
        """The ``event:`` of a chunk's frame, whose data is the chunk's JSON; ``None`` writes no such line."""

    @property
    def check_chunk(self) -> Callable[[bytes], None] | None:
        """Refuses JSON that readers would take for something else; ``None`` where all can be told apart.

        Raises (when called):
            InvalidChunkError: the chunk would be read as the stream's end.
        """

    def done(self) -> bytes:
        """The frame that says that the stream is complete."""

    def error(self, error: ActionError) -> bytes:
        """The frame that says that the stream failed."""

    def read(self, event: Event) -> Signal | None:
        """What an event says in this dialect; ``None`` where it says nothing.

        Raises:
            ValueError: the event's data is not the JSON that the dialect promises.
        """


_RESERVED_KEYS: Final = ("__actions_done", "__actions_error")


class StandardDialect:
    """The default: named ``done`` and ``error`` events, chunks as plain messages."""

    name: Final = "standard"
    chunk_event: Final = None
    check_chunk: Final = None

    def done(self) -> bytes:
        """``event: done`` with an empty object."""
        return encode_event("{}", event="done")

    def error(self, error: ActionError) -> bytes:
        """``event: error`` with the error object."""
        return encode_event(orjson.dumps(error.to_wire()), event="error")

    def read(self, event: Event) -> Signal | None:
        """A message is a chunk; other names than ``done`` and ``error`` are left for later versions."""
        if event.event == "message":
            return Chunk(event.json())
        if event.event == "done":
            return Done()
        if event.event == "error":
            return Failure(ActionError.from_wire(event.json()))
        return None


class NuxtActionsDialect:
    """What ``nuxt-actions`` 1.x sends and reads: every event is a message, two keys are reserved."""

    name: Final = "nuxt-actions"
    chunk_event: Final = None

    def check_chunk(self, json: bytes) -> None:
        """The reserved keys belong to the end and the error; a chunk that has one would cut its stream."""
        if b'"__actions_' in json and json.startswith(b"{"):
            reserved = [key for key in _RESERVED_KEYS if key in orjson.loads(json)]
            if reserved:
                raise InvalidChunkError(
                    f"send() got a dict with the key {reserved[0]!r}, which the dialect nuxt-actions keeps "
                    "for itself: use another key"
                )

    def done(self) -> bytes:
        """A message with ``__actions_done``."""
        return encode_event('{"__actions_done":true}')

    def error(self, error: ActionError) -> bytes:
        """A message with ``__actions_error``."""
        return encode_event(orjson.dumps({"__actions_error": error.to_wire()}))

    def read(self, event: Event) -> Signal | None:
        """A message whose object has a reserved key is the end; any other message is a chunk."""
        if event.event != "message":
            return None
        value = event.json()
        if isinstance(value, dict):
            error = value.get("__actions_error")
            # What JavaScript takes for true: every object is, an empty one too.
            if error or isinstance(error, dict | list):
                return Failure(ActionError.from_wire(value["__actions_error"]))
            if value.get("__actions_done") is True:
                return Done()
        return Chunk(value)


DIALECTS: Final[dict[str, Dialect]] = {
    dialect.name: dialect for dialect in (StandardDialect(), NuxtActionsDialect())
}


def resolve_dialect(dialect: str | Dialect) -> Dialect:
    """The dialect of that name, or the object itself.

    Raises:
        DefinitionError: no dialect has that name.
    """
    if not isinstance(dialect, str):
        return dialect
    try:
        return DIALECTS[dialect]
    except KeyError:
        known = ", ".join(repr(name) for name in DIALECTS)
        raise DefinitionError(f"there is no dialect {dialect!r}: write one of {known}") from None


class SignalReader:
    """Reads the events of one stream in its dialect, or in whichever dialect it turns out to speak.

    Where the dialect was not told, an event with a reserved key of ``nuxt-actions`` is ambiguous:
    to that dialect it is the end, to the standard one it is a chunk like any other. The end is
    the last event of its stream, so such an event is held until the next one (it was a chunk) or
    the end of the body (it was the end) has decided. At most one event is ever held.
    """

    def __init__(self, dialect: Dialect | None = None) -> None:
        self._dialect = dialect
        self._held: tuple[Signal, Chunk] | None = None

    def feed(self, event: Event) -> list[Signal]:
        """What this event says, together with what it decides about the event before.

        Raises:
            ValueError: the event's data is not the JSON that the dialect promises.
        """
        if self._dialect is not None:
            signal = self._dialect.read(event)
            return [] if signal is None else [signal]
        signals: list[Signal] = []
        if self._held is not None:
            signals.append(self._held[1])
            self._held = None
        signal = DIALECTS["nuxt-actions"].read(event)
        if isinstance(signal, Done | Failure):
            self._held = (signal, Chunk(event.json()))
            return signals
        signal = signal or DIALECTS["standard"].read(event)
        if signal is not None:
            signals.append(signal)
        return signals

    def finish(self) -> Signal | None:
        """What the clean end of the body decides: the end that was held, if any."""
        held, self._held = self._held, None
        return None if held is None else held[0]
