"""From a request's raw input to the handler's ``input``: JSON or query parameters, then pydantic.

Every refusal is an ``ActionError`` whose text names the field and the rule, never the value.
"""

from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from streamactions._core import repair_json
from streamactions.errors import ActionError
from streamactions.fail_fast import is_patient, validate_json
from streamactions.field_errors import ROOT, invalid_json_reason, list_errors, list_sampled_errors

__all__ = ["MAX_QUERY_FIELDS", "ROOT", "read_json", "read_query"]

MAX_QUERY_FIELDS: Final = 1000
"""Names and values in one query string: more than any form has, and little work to take apart."""


def read_json(adapter: TypeAdapter[Any] | None, body: bytes) -> Any:
    """The input in a JSON body; an empty body counts as ``{}``, and half of a surrogate pair as U+FFFD.

    Raises:
        ActionError: ``INVALID_JSON``, 400, or ``VALIDATION_ERROR``, 422.
    """
    body = body or b"{}"
    try:
        return _read(adapter, body)
    except ActionError as error:
        repaired = repair_json(body) if error.code == "INVALID_JSON" else body
        if repaired == body:
            raise
    return _read(adapter, repaired)


def _read(adapter: TypeAdapter[Any] | None, body: bytes) -> Any:
    if adapter is None:
        try:
            return from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise _invalid_json(str(error)) from error
    try:
        return validate_json(adapter, body)
    except ValidationError as error:
        reason = invalid_json_reason(error)
        if reason is not None:
            raise _invalid_json(reason) from error
        listed = list_sampled_errors(adapter, body, error, is_all=is_patient(body))
        raise _refusal(listed) from error


def read_query(adapter: TypeAdapter[Any] | None, query_string: bytes) -> Any:
    """The input in a query string: a dict of strings, of lists where a name is repeated.

    Raises:
        ActionError: ``VALIDATION_ERROR``, 422.
    """
    fields: dict[str, Any] = {}
    for name, value in _split(query_string):
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
        raise _refusal(list_errors(error)) from error


def _split(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS
        )
    except ValueError as error:
        raise _refusal(
            {ROOT: [f"The query string has more than {MAX_QUERY_FIELDS} fields: send fewer"]}
        ) from error


def _invalid_json(reason: str) -> ActionError:
    return ActionError("INVALID_JSON", f"Request body is not valid JSON: {reason}", 400)


def _refusal(field_errors: dict[str, list[str]]) -> ActionError:
    return ActionError("VALIDATION_ERROR", "Input validation failed", 422, field_errors)
