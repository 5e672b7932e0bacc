"""What an HTTP error says, in the API's own words where its body has one of the shapes that APIs use.

Strategy: the shapes are read by the names of their members, not by the API that they come from: the first
name below that leads to a text gives it. The words are the caller's alone: a handler that lets such an error
pass sends its own client no more than the HTTP status.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import orjson

from streamactions.client.header_fields import HeaderFields
from streamactions.client.media_type import extract_essence
from streamactions.errors import MAX_STATUS_CODE, MIN_STATUS_CODE, ActionError

__all__ = ["HTTPStatusError", "make_status_error"]

MAX_WORDS_CHARS: Final = 2_000
"""How long the message of an API is at most; the body has the rest. It is for one line of a log or a page."""

MAX_WORDS_DEPTH: Final = 6
MAX_WORDS_PARTS: Final = 20
"""How deep within one another, and how many beside one another, the messages of a body are looked for."""

_MESSAGE_MEMBERS: Final = (
    "error_description",
    "message",
    "detail",
    "title",
    "msg",
    "reason",
    "errors",
    "error",
)
"""The members of an error object that may hold its message, the more telling first.

OpenAI, Anthropic, Google, Mistral: ``error.message``. Ollama: ``error``. FastAPI: ``detail``, a text or
pydantic's list. Problem details (RFC 9457): ``detail``, ``title``. OAuth (RFC 6750): ``error_description``.
"""


class HTTPStatusError(ActionError):
    """The server answered with an HTTP status that is no success; ``HTTP_ERROR``, or the server's own code.

    Its ``message`` is the API's own where its body has a known shape. ``status_code`` is the real status
    where that is an error's, else 502. What this holds of the response never goes out again: a server that
    raises it sends the status alone, unless the other side is a streamactions server.

    Attributes:
        response_status: the real HTTP status.
        response_headers: the header fields, such as ``retry-after``; looking one up ignores case.
        response_body: the body, as far as it was read (64 KiB).
    """

    def __init__(
        self,
        code: str,
        message: str,
        status_code: int,
        field_errors: Mapping[str, list[str]] | None = None,
        *,
        response_status: int,
        response_headers: Mapping[str, str],
        response_body: bytes,
        public_message: str | None = None,
    ) -> None:
        super().__init__(code, message, status_code, field_errors)
        self.response_status = response_status
        self.response_headers = response_headers
        self.response_body = response_body
        self._public_message = public_message

    def to_wire(self) -> dict[str, Any]:
        """The error object for a client: without the words of an API that did not mean them for it."""
        if self._public_message is None:
            return super().to_wire()
        return {"code": "HTTP_ERROR", "message": self._public_message, "statusCode": self.status_code}

    def __reduce__(self) -> tuple[Any, ...]:
        keywords: dict[str, Any] = {
            "response_status": self.response_status,
            "response_headers": self.response_headers,
            "response_body": self.response_body,
            "public_message": self._public_message,
        }
        return partial(type(self), **keywords), (self.code, self.message, self.status_code, self.field_errors)


def make_status_error(status: int, headers: Mapping[str, str], body: bytes, phrase: str) -> HTTPStatusError:
    """The error for a response.

    Args:
        status: its HTTP status.
        headers: its header fields.
        body: as much of its body as was read; empty where that is compressed.
        phrase: what to say where the body says nothing; it is all that ever goes out again.
    """
    response: dict[str, Any] = {
        "response_status": status,
        "response_headers": HeaderFields(headers.items()),
        "response_body": body,
    }
    if not MIN_STATUS_CODE <= status <= MAX_STATUS_CODE:
        return HTTPStatusError("HTTP_ERROR", phrase, 502, **response)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        is_text = extract_essence(headers.get("content-type", "")) == "text/plain"
        value = body.decode(errors="replace") if is_text else None
    if _is_action_error(value):
        own = ActionError.from_wire({**value, "statusCode": status})
        is_whole = type(value.get("statusCode")) is int
        public = None if is_whole else phrase
        return HTTPStatusError(
            own.code, own.message, status, own.field_errors, public_message=public, **response
        )
    words = " ".join((_find_words(value, MAX_WORDS_DEPTH) or phrase).split())
    if len(words) > MAX_WORDS_CHARS:
        words = words[:MAX_WORDS_CHARS] + "…"
    return HTTPStatusError("HTTP_ERROR", words or phrase, status, public_message=phrase, **response)


def _is_action_error(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("code", "message"))


def _find_words(value: Any, depth: int) -> str | None:
    """The message in a decoded body, if any."""
    if isinstance(value, str):
        return value if value.strip() else None
    if depth == 0:
        return None
    if isinstance(value, list):
        found = (_find_words(part, depth - 1) for part in value[:MAX_WORDS_PARTS])
        return "; ".join(words for words in found if words) or None
    if not isinstance(value, dict):
        return None
    members = {name.lower(): member for name, member in value.items()}
    if isinstance(members.get("error"), dict) and (words := _find_words(members["error"], depth - 1)):
        return words
    for name in _MESSAGE_MEMBERS:
        if words := _find_words(members.get(name), depth - 1):
            place = members.get("loc")
            if name == "msg" and isinstance(place, list):
                return f"{'.'.join(str(step) for step in place)}: {words}"
            return words
    return None
