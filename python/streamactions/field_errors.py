"""What is wrong with an input, field by field, in as few words as a client can use.

pydantic makes the texts of all mistakes at once or of none, and a name that the client chose may be part of
each. So it is asked only where they are few; where they are many, the beginning of the body is validated
once more, and its mistakes stand for the rest.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

__all__ = [
    "MAX_FIELD_ERRORS",
    "MAX_MESSAGE_CHARACTERS",
    "MAX_PATH_CHARACTERS",
    "ROOT",
    "first_error",
    "invalid_json_reason",
    "list_errors",
    "list_sampled_errors",
]

ROOT: Final = "_root"
"""The key in ``fieldErrors`` of what is wrong with the input as a whole, as in the reference."""

MAX_FIELD_ERRORS: Final = 100
"""Messages in one refusal: more than a person reads, and few enough to be cheap."""

MAX_PATH_CHARACTERS: Final = 200
"""The length of a field's name in a refusal; the client chooses the names of a dict's fields."""

MAX_MESSAGE_CHARACTERS: Final = 500
"""The length of a message in a refusal; pydantic's may repeat what the client has sent."""

MAX_COLLECTED_ERRORS: Final = 1000
"""Mistakes whose texts pydantic is asked for, which takes it half a millisecond."""

SAMPLE_BYTES: Final = 4096
"""How much of a body with more mistakes is looked through for some that can be told."""

_CUT: Final = "…"


def invalid_json_reason(error: ValidationError) -> str | None:
    """Why the body was no JSON at all; ``None`` where it was."""
    if error.error_count() == 1:
        [details] = _details(error)
        if details["type"] == "json_invalid" and not details["loc"]:
            reason: str = details["msg"]
            return reason.removeprefix("Invalid JSON: ")
    return None


def first_error(error: ValidationError) -> tuple[str, str]:
    """The dotted field path of the first mistake, ``ROOT`` where it is the whole, and its message."""
    return _path_and_message(_details(error)[0])


def list_errors(error: ValidationError) -> dict[str, list[str]]:
    """The messages by dotted field path, at most ``MAX_FIELD_ERRORS``, and how many more there are."""
    field_errors, told = _by_field(_details(error))
    return _with_rest(field_errors, told, error.error_count() - told)


def list_sampled_errors(
    adapter: TypeAdapter[Any], body: bytes, error: ValidationError, *, is_all: bool
) -> dict[str, list[str]]:
    """The same where there may be very many.

    Args:
        adapter: what refuses the body, and looks for every mistake.
        body: the JSON that was refused.
        error: the refusal.
        is_all: whether it holds every mistake, and not just the first of each list.
    """
    if is_all and error.error_count() <= MAX_COLLECTED_ERRORS:
        return list_errors(error)
    field_errors, told = _by_field(_sample(adapter, body))
    if is_all:
        return _with_rest(field_errors, told, error.error_count() - told)
    if not told and error.error_count() <= MAX_COLLECTED_ERRORS:
        field_errors, told = _by_field(_details(error))
    field_errors.setdefault(ROOT, []).append(
        "There may be more problems: of a large input not all are listed"
    )
    return field_errors


def _details(error: ValidationError) -> Any:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _by_field(details: Iterable[Any]) -> tuple[dict[str, list[str]], int]:
    field_errors: dict[str, list[str]] = {}
    told = 0
    for detail in islice(details, MAX_FIELD_ERRORS):
        path, message = _path_and_message(detail)
        field_errors.setdefault(path, []).append(message)
        told += 1
    return field_errors, told


def _with_rest(field_errors: dict[str, list[str]], told: int, rest: int) -> dict[str, list[str]]:
    if rest:
        more = "more " if told else ""
        field_errors.setdefault(ROOT, []).append(f"{rest} {more}problems are not listed")
    return field_errors


def _path_and_message(detail: Any) -> tuple[str, str]:
    path = ".".join(str(part) for part in detail["loc"]) or ROOT
    return _shorten(path, MAX_PATH_CHARACTERS), _shorten(detail["msg"], MAX_MESSAGE_CHARACTERS)


def _shorten(text: str, max_characters: int) -> str:
    return text if len(text) <= max_characters else text[: max_characters - 1] + _CUT


def _sample(adapter: TypeAdapter[Any], body: bytes) -> Iterator[Any]:
    """The mistakes in the body's beginning, without those that it has only because it was cut."""
    beginning = body[:SAMPLE_BYTES].decode(errors="ignore").encode()
    try:
        document = from_json(beginning, allow_partial=True)
        adapter.validator.validate_json(beginning, allow_partial=True)
    except ValidationError as error:
        for detail in _details(error):
            if _is_whole(document, detail["loc"]):
                yield detail
    except ValueError:
        # Cut there, it is no JSON; its mistakes are only counted.
        return


def _is_whole(document: Any, path: tuple[int | str, ...]) -> bool:
    """Whether what is at ``path`` came whole: only the last of each list and object may be cut."""
    value = document
    for part in path:
        if isinstance(value, dict) and part in value:
            is_last = part == next(reversed(value))
        elif isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
            is_last = part == len(value) - 1
        else:
            return False
        if not is_last:
            return True
        value = value[part]
    return False
