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

    def read(self, item: Any) -> Signal | None:
        """What an event says in this dialect; ``None`` where it says nothing.

        Args:
            item: as ``SSEDecoder.feed_json`` gives it with ``messages_only``: the JSON value of a
                plain message; the ``Event`` where it names a type or its data is not JSON.

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

    def read(self, item: Any) -> Signal | None:
        """A message is a chunk; other names than ``done`` and ``error`` are left for later versions."""
        if not isinstance(item, Event):
            return Chunk(item)
        if item.event == "message":
            return _read_message(item)
        if item.event == "done":
            return Done()
        if item.event == "error":
            return Failure(ActionError.from_wire(item.json()))
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

    def read(self, item: Any) -> Signal | None:
        """A message whose object has a reserved key is the end; any other message is a chunk."""
        value = item
        if isinstance(item, Event):
            if item.event != "message" or (message := _read_message(item)) is None:
                return None
            value = message.value
        if isinstance(value, dict):
            error = value.get("__actions_error")
            # What JavaScript takes for true: every object is, an empty one too.
            if error or isinstance(error, dict | list):
                return Failure(ActionError.from_wire(value["__actions_error"]))
            if value.get("__actions_done") is True:
                return Done()
        return Chunk(value)


def _read_message(event: Event) -> Chunk | None:
    """The chunk of a plain message; ``None`` for one without data, which keeps a stream alive."""
    return Chunk(event.json()) if event.data.strip() else None


DIALECTS: Final[dict[str, Dialect]] = {
    dialect.name: dialect for dialect in (StandardDialect(), NuxtActionsDialect())
}


_DIALECT_MEMBERS: Final = ("name", "chunk_event", "check_chunk", "done", "error", "read")


def resolve_dialect(dialect: str | Dialect) -> Dialect:
    """The dialect of that name, or the object itself.

    Raises:
        DefinitionError: no dialect has that name, or the object lacks a member.
    """
    if isinstance(dialect, str):
        try:
            return DIALECTS[dialect]
        except KeyError:
            known = ", ".join(repr(name) for name in DIALECTS)
            raise DefinitionError(f"there is no dialect {dialect!r}: write one of {known}") from None
    what = f"dialect={type(dialect).__name__}()"
    if isinstance(dialect, type):
        raise DefinitionError(f"dialect={dialect.__name__} is a class: write dialect={dialect.__name__}()")
    missing = [name for name in _DIALECT_MEMBERS if not hasattr(dialect, name)]
    if missing:
        raise DefinitionError(
            f"{what} has no {', '.join(missing)}: write one of {', '.join(map(repr, DIALECTS))}, or give the "
            f"object all of {', '.join(_DIALECT_MEMBERS)} (see streamactions.Dialect)"
        )
    for name in ("done", "error", "read"):
        if not callable(getattr(dialect, name)):
            raise DefinitionError(f"{what} has a {name} that cannot be called: write def {name}(self, ...)")
    if dialect.check_chunk is not None and not callable(dialect.check_chunk):
        raise DefinitionError(f"{what} has a check_chunk that cannot be called: write a method, or None")
    if not isinstance(dialect.name, str):
        raise DefinitionError(f'{what} has a name that is no string: write name = "my-dialect"')
    _check_frames(dialect, what)
    return dialect


def _check_frames(dialect: Dialect, what: str) -> None:
    """What every stream of a dialect needs can be made."""
    if dialect.chunk_event is not None:
        try:
            encode_event("{}", event=dialect.chunk_event)
        except (TypeError, ValueError) as error:
            raise DefinitionError(
                f'{what} has a chunk_event that is none ({error}): write chunk_event = "chunk", or None'
            ) from error
    if not isinstance(dialect.done(), bytes):
        raise DefinitionError(f"{what} has a done() that gives no bytes: return encode_event(...)")


class SignalReader:
    """Reads the events of one stream in its dialect, or in whichever dialect it turns out to speak.

    Where the dialect was not told, an event with a reserved key of ``nuxt-actions`` is ambiguous:
    to that dialect it is the end, to the standard one it is a chunk like any other. The end is
    the last event of its stream, so such an event is held until the next one (it was a chunk) or
    the end of the body (it was the end) has decided. At most one event is ever held.
    """

    def __init__(self, dialect: Dialect | None = None) -> None:
        self._dialect = dialect
        self._held: tuple[Done | Failure, Any] | None = None

    def feed(self, items: list[Any], values: list[Any]) -> Done | Failure | None:
        """Append the chunks' values to ``values``, up to the end; return the end, if it came.

        Args:
            items: as `Dialect.read` takes them.
            values: is filled as far as the stream was good, also where this raises.

        Raises:
            ValueError: an event's data is not the JSON that the dialect promises.
        """
        read = self._read if self._dialect is None else self._dialect.read
        # A dialect from elsewhere decides by itself what is a chunk.
        is_own = self._dialect is None or self._dialect in DIALECTS.values()
        for item in items:
            if self._held is not None:
                values.append(self._held[1])
                self._held = None
            if is_own and _is_plain_chunk(item):
                values.append(item)
                continue
            signal = read(item)
            if isinstance(signal, Chunk):
                values.append(signal.value)
            elif signal is not None:
                return signal
        return None

    def _read(self, item: Any) -> Signal | None:
        """What an item says in either dialect; the end of ``nuxt-actions`` is held, see above."""
        signal = DIALECTS["nuxt-actions"].read(item)
        if isinstance(signal, Done | Failure):
            self._held = (signal, item)
            return None
        return signal or DIALECTS["standard"].read(item)

    def finish(self) -> Done | Failure | None:
        """What the clean end of the body decides: the end that was held, if any."""
        held, self._held = self._held, None
        return None if held is None else held[0]


def _is_plain_chunk(item: Any) -> bool:
    """Whether the item is a chunk in every dialect of this package, as all but a few are."""
    if type(item) is dict:
        return "__actions_done" not in item and "__actions_error" not in item
    return type(item) is not Event
