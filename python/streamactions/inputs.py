"""From a request's raw input to the handler's ``input``: JSON or query parameters, then pydantic.

Every refusal is an ``ActionError`` whose text names the field and the rule, never the value.
"""

from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from streamactions.errors import ActionError

__all__ = ["ROOT", "read_json", "read_query"]

ROOT: Final = "_root"
"""The key in ``fieldErrors`` of what is wrong with the input as a whole, as in the reference."""


def read_json(adapter: TypeAdapter[Any] | None, body: bytes) -> Any:
    """The input in a JSON body; an empty body counts as ``{}``.

    Raises:
        ActionError: ``INVALID_JSON``, 400, or ``VALIDATION_ERROR``, 422.
    """
    body = body or b"{}"
    if adapter is None:
        try:
            return from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise _invalid_json(str(error)) from error
    try:
        return adapter.validator.validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from error


def read_query(adapter: TypeAdapter[Any] | None, query_string: bytes) -> Any:
    """The input in a query string: a dict of strings, of lists where a name is repeated.

    Raises:
        ActionError: ``VALIDATION_ERROR``, 422.
    """
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    if adapter is None:
        return fields
    try:
        return adapter.validator.validate_python(fields)
    except ValidationError as error:
        raise _refusal(error) from error


def _invalid_json(reason: str) -> ActionError:
    return ActionError("INVALID_JSON", f"Request body is not valid JSON: {reason}", 400)


def _refusal(error: ValidationError) -> ActionError:
    field_errors: dict[str, list[str]] = {}
    for details in error.errors(include_url=False, include_context=False, include_input=False):
        if details["type"] == "json_invalid" and not details["loc"]:
            return _invalid_json(details["msg"].removeprefix("Invalid JSON: "))
        path = ".".join(str(part) for part in details["loc"]) or ROOT
        field_errors.setdefault(path, []).append(details["msg"])
    return ActionError("VALIDATION_ERROR", "Input validation failed", 422, field_errors)
