"""From a request's raw input to the handler's ``input``: JSON or query parameters, then pydantic.

Every refusal is an ``ActionError`` whose text names the field and the rule, never the value.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic_core import ErrorDetails, from_json

from streamactions._core import repair_json
from streamactions.errors import ActionError
from streamactions.fail_fast import is_patient, validate_json
from streamactions.field_errors import ROOT, invalid_json_reason, list_errors, list_sampled_errors

__all__ = ["MAX_QUERY_FIELDS", "ROOT", "find_unqueryable", "read_json", "read_query"]

MAX_QUERY_FIELDS: Final = 1000
"""Names and values in one query string: more than any form has, and little work to take apart."""


_LIST_ERRORS: Final = frozenset(
    ("list_type", "set_type", "frozen_set_type", "tuple_type", "deque_type", "sequence_str")
)
"""What pydantic says of a string where a list of some kind is asked for."""


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

    A query cannot tell a value from a list of one, nor ``null`` from nothing: so a single value is a list
    where the type asks for one, and a required field that may be ``None`` is so where it is left out.

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
        refused = error
    listed, absent = _lists_and_absent(fields, refused)
    for name in listed:
        fields[name] = [fields[name]]
    if absent:
        try:
            return adapter.validator.validate_python(fields | dict.fromkeys(absent))
        except ValidationError as error:
            # Those that may not be `None` are missing, and that is what is told of them.
            still_wrong = {part for details in _details(error) for part in details["loc"]}
            fields |= dict.fromkeys(name for name in absent if name not in still_wrong)
    if absent or listed:
        try:
            return adapter.validator.validate_python(fields)
        except ValidationError as error:
            refused = error
    raise _refusal(list_errors(refused)) from refused


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _lists_and_absent(fields: dict[str, Any], error: ValidationError) -> tuple[set[str], set[str]]:
    """The names of single values where a list is asked for, and of fields that are left out."""
    listed, absent = set(), set()
    for details in _details(error):
        # Before a field's name, and after it, there may be that of a union's member.
        names = [part for part in details["loc"] if isinstance(part, str)]
        name = next((part for part in names if part in fields), None)
        if details["type"] in _LIST_ERRORS and name is not None and isinstance(fields[name], str):
            listed.add(name)
        elif details["type"] == "missing" and name is None and names:
            absent.add(names[-1])
    return listed, absent


def find_unqueryable(adapter: TypeAdapter[Any]) -> str | None:
    """What of an input no query can hold, for a message; ``None`` where there is nothing, or nobody knows."""
    try:
        schema = adapter.json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError):
        return None
    definitions = schema.get("$defs", {})
    for form in _forms(schema, definitions):
        if form.get("type", "object") != "object":
            return "an input that is no object"
        for name, member in form.get("properties", {}).items():
            if not _is_queryable(member, definitions):
                return f"the field {name!r}"
        rest = form.get("additionalProperties")
        if isinstance(rest, dict) and not _is_queryable(rest, definitions):
            return "the values of a dict"
    return None


def _forms(schema: Any, definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a value may be by a JSON schema, one form of it after another."""
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    members = schema.get("anyOf") or schema.get("oneOf")
    if members is None:
        yield schema
    else:
        for member in members:
            yield from _forms(member, definitions)


def _is_queryable(schema: Any, definitions: dict[str, Any], *, is_item: bool = False) -> bool:
    forms = [form for form in _forms(schema, definitions) if form.get("type") != "null"]
    return not forms or any(_is_plain(form, definitions, is_item=is_item) for form in forms)


def _is_plain(form: dict[str, Any], definitions: dict[str, Any], *, is_item: bool) -> bool:
    if form.get("type") == "object":
        return False
    if form.get("type") != "array":
        return True
    items = [*form.get("prefixItems", []), form.get("items", {})]
    return not is_item and all(
        isinstance(item, bool) or _is_queryable(item, definitions, is_item=True) for item in items
    )


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
