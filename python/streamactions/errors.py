"""Every error of the package, in one tree.

StreamActionsError
├── ActionError               what a client sees: code, message, status_code, field_errors
├── DefinitionError           an action, a middleware or an app is written wrongly (at definition)
├── MiddlewareError           a middleware broke the chain's rules (at run time)
├── ExitAttemptError          what runs for a call tried to end the whole process (in the log)
├── InvalidChunkError         ``send`` got what JSON cannot hold
├── SendNotAwaitedError       ``send`` again and again without ``await``, faster than the client reads
├── StreamClosedError         ``send`` after the handler's own ``close``
├── WrongThreadError          a stream used in another thread than its event loop's
├── ClientDisconnectedError   ``send`` after the client left, by a handler that survived its cancellation
├── EventTooLargeError        one incoming event is over the decoder's ``max_event_bytes``
├── StreamCutError            the reads of an incoming stream ended inside an event
├── TransportError            a client's transport failed (``streamactions.client``)
└── ServeError                ``serve`` cannot start (``streamactions.serve``)

Misuse by local code and faults of the other side never share a class: only ``ActionError``
crosses the wire, in either direction.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from streamactions._core import (
    ClientDisconnectedError,
    EventTooLargeError,
    SendNotAwaitedError,
    StreamActionsError,
    StreamClosedError,
    StreamCutError,
    WrongThreadError,
)
from streamactions.response_headers import check_headers
from streamactions.surrogates import replace_in_text

__all__ = [
    "ActionError",
    "ClientDisconnectedError",
    "DefinitionError",
    "ErrorCode",
    "EventTooLargeError",
    "ExitAttemptError",
    "InvalidChunkError",
    "MiddlewareError",
    "SendNotAwaitedError",
    "StreamActionsError",
    "StreamClosedError",
    "StreamCutError",
    "WrongThreadError",
    "create_action_error",
]

ErrorCode: TypeAlias = Literal[
    # Refused before the stream opens.
    "INVALID_JSON",
    "VALIDATION_ERROR",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "REQUEST_TIMEOUT",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "CSRF_ERROR",
    "RATE_LIMITED",
    "INTERNAL_ERROR",
    # Refused or ended because the server stops.
    "SERVER_STOPPING",
    # Failed while the stream was open.
    "STREAM_ERROR",
    # Seen by the client alone.
    "STREAM_INCOMPLETE",
    "TIMEOUT_ERROR",
    "CONNECTION_ERROR",
    "HTTP_ERROR",
    "NOT_AN_EVENT_STREAM",
    "INVALID_CHUNK",
    "EVENT_TOO_LARGE",
]
"""The codes that the package itself uses; an application adds its own, so ``code`` is a ``str``."""

MIN_STATUS_CODE: Final = 400
MAX_STATUS_CODE: Final = 599


class ActionError(StreamActionsError):
    """An error that crosses the wire: raised by server code, received by a client.

    What cannot cross it is refused here, where the mistake is, and not when the stream ends. Half a
    surrogate pair, which file names can hold and UTF-8 cannot, becomes U+FFFD.

    Attributes:
        code: a constant for programs to switch on, such as ``"RATE_LIMITED"``.
        message: one line for people; it is sent to the client as it stands.
        status_code: the HTTP status that the error stands for, 400 to 599.
        field_errors: messages by dotted field path (``{"user.email": ["..."]}``), or ``None``.
        headers: header fields of the response that refuses a call, or ``None``. They are no part of the error
            object; an error that comes when the stream is open has no head any more to carry them.
    """

    code: str
    message: str
    status_code: int
    field_errors: dict[str, list[str]] | None
    headers: dict[str, str] | None

    def __init__(
        self,
        code: str,
        message: str,
        status_code: int = 400,
        field_errors: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = _to_text("code", code)
        self.message = _to_text("message", message)
        super().__init__(self.message)
        if not code:
            raise ValueError('an action error needs a code: write create_action_error("RATE_LIMITED", "...")')
        if not isinstance(status_code, int) or isinstance(status_code, bool):
            raise TypeError(
                f"an action error's status_code must be an int, not a {type(status_code).__name__}"
            )
        if not MIN_STATUS_CODE <= status_code <= MAX_STATUS_CODE:
            raise ValueError(f"status_code must be an HTTP error status from 400 to 599, not {status_code}")
        self.status_code = int(status_code)
        self.field_errors = None if field_errors is None else _to_field_errors(field_errors)
        self.headers = None if headers is None else check_headers(headers)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __repr__(self) -> str:
        parts = [self.code, self.message, self.status_code, self.field_errors]
        if self.headers is not None:
            parts.append(self.headers)
        return f"ActionError({', '.join(map(repr, parts))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.code,
            self.message,
            self.status_code,
            self.field_errors,
            self.headers,
        )

    def to_wire(self) -> dict[str, Any]:
        """The wire's error object: ``code``, ``message``, ``statusCode`` and, if any, ``fieldErrors``."""
        wire: dict[str, Any] = {"code": self.code, "message": self.message, "statusCode": self.status_code}
        if self.field_errors is not None:
            wire["fieldErrors"] = self.field_errors
        return wire

    @classmethod
    def from_wire(cls, wire: object, *, status_code: int = 500) -> "ActionError":
        """Read an error object from the other side, which may be anything.

        Args:
            wire: the decoded JSON value.
            status_code: what to assume where the value names no valid status.
        """
        fields = wire if isinstance(wire, dict) else {}
        code, message = fields.get("code"), fields.get("message")
        status, field_errors = fields.get("statusCode"), fields.get("fieldErrors")
        if type(status) is int and MIN_STATUS_CODE <= status <= MAX_STATUS_CODE:
            status_code = status
        return cls(
            code if isinstance(code, str) and code else "STREAM_ERROR",
            message if isinstance(message, str) else "The server reported an error without a message",
            status_code,
            {
                str(name): [_as_text(text) for text in (texts if isinstance(texts, list) else [texts])]
                for name, texts in field_errors.items()
            }
            if isinstance(field_errors, dict)
            else None,
        )


def _as_text(value: object) -> str:
    """A message of the other side, which may be anything: lists without end, too."""
    return "…" if isinstance(value, list | dict) else str(value)


def _to_text(what: str, text: object) -> str:
    """A text that UTF-8 can carry.

    Raises:
        TypeError: it is no string.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"an action error's {what} must be a str, not a {type(text).__name__}: write str(...)"
        )
    return replace_in_text(text)


def _to_field_errors(field_errors: object) -> dict[str, list[str]]:
    if not isinstance(field_errors, Mapping):
        raise TypeError(
            f"an action error's field_errors must be a dict, not a {type(field_errors).__name__}: "
            'write {"user.email": ["..."]}'
        )
    told = {}
    for name, texts in field_errors.items():
        # A string is a sequence of strings too, and would become one message a letter.
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            raise TypeError(
                f"an action error's field_errors[{name!r}] must be a list, not a {type(texts).__name__}: "
                'write {"user.email": ["..."]}'
            )
        told[_to_text("field name", name)] = [_to_text("field message", text) for text in texts]
    return told


def create_action_error(
    code: str,
    message: str,
    status_code: int = 400,
    field_errors: Mapping[str, Sequence[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ActionError:
    """Make an error to ``raise`` from a middleware or a handler.

    Args:
        code: a constant for programs to switch on.
        message: one line for people; it reaches the client as it stands.
        status_code: the HTTP status, 400 to 599.
        field_errors: messages by dotted field path.
        headers: header fields of the response that refuses the call, such as ``{"retry-after": "5"}``; an
            error of an open stream cannot carry them any more.

    Raises:
        TypeError: the code, the message, a header or one of the ``field_errors`` is no string (write
            ``str(error)``), or the status is no integer.
        ValueError: the code is empty, the status is not an error status, or a header cannot be sent: CR, LF
            or NUL in it, a name that is none, or one that the app itself sets.
    """
    return ActionError(code, message, status_code, field_errors, headers)


class DefinitionError(StreamActionsError, TypeError):
    """An action, a middleware or an app is written wrongly; the message says what to write."""


class MiddlewareError(StreamActionsError, RuntimeError):
    """A middleware broke the chain's rules, such as calling ``next`` twice."""


class ExitAttemptError(StreamActionsError, RuntimeError):
    """A handler or a middleware raised ``SystemExit`` or ``KeyboardInterrupt``, the error's cause."""


class InvalidChunkError(StreamActionsError, TypeError):
    """``send`` got a chunk that JSON cannot hold, or that would be read as the stream's end."""
