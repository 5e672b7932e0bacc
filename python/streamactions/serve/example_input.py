"""A small input that an action takes, made from its JSON schema (2020-12), to show how to call it.

An author's ``examples`` win; without them the least that the schema asks for is made up. Patterns
and rules written in Python are beyond it, so the result is a suggestion and not a promise.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

__all__ = ["make_example_input"]

Schema = dict[str, Any]

MAX_DEPTH: Final = 20
"""A schema may contain itself."""

_FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00",
    "duration": "PT1M",
    "email": "someone@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


def make_example_input(adapter: TypeAdapter[Any] | None) -> Any:
    """An input for that adapter; ``{}`` where any JSON is taken or the type has no schema."""
    if adapter is None:
        return {}
    try:
        schema = adapter.json_schema()
    except PydanticInvalidForJsonSchema:
        return {}
    return _make(schema, schema.get("$defs", {}), 0)


def _make(schema: Schema, definitions: dict[str, Schema], depth: int) -> Any:
    if depth > MAX_DEPTH:
        return None
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    if "$ref" in schema:
        return _make(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions, depth + 1)
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return _make(schema[choice][0], definitions, depth + 1)
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties", {})
        return {
            name: _make(fields.get(name, {}), definitions, depth + 1) for name in schema.get("required", ())
        }
    if kind == "array":
        return _make_items(schema, definitions, depth)
    make = _SIMPLE.get(kind) if isinstance(kind, str) else None
    return {} if make is None else make(schema)


def _make_items(schema: Schema, definitions: dict[str, Schema], depth: int) -> list[Any]:
    items = list(schema.get("prefixItems", ()))
    items += [schema.get("items", {})] * (schema.get("minItems", 0) - len(items))
    return [_make(item, definitions, depth + 1) for item in items]


def _make_string(schema: Schema) -> str:
    text: str = _FORMATS.get(schema.get("format", ""), "hello")
    text += "." * (schema.get("minLength", 0) - len(text))
    return text[: schema.get("maxLength")]


def _make_number(schema: Schema) -> float:
    """A number within the bounds, 1 if it is."""
    step: float = schema.get("multipleOf", 1 if schema["type"] == "integer" else 0)
    least = _first(schema, "minimum", "exclusiveMinimum", otherwise=-math.inf)
    most = _first(schema, "maximum", "exclusiveMaximum", otherwise=math.inf)
    number = max(least, min(1, most))
    if step:
        number = math.ceil(number / step) * step
        above = number == schema.get("exclusiveMinimum")
        below = number > most or number == schema.get("exclusiveMaximum")
        return number + step if above else number - step if below else number
    is_excluded = number in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
    if not is_excluded:
        return number
    if math.isinf(least) or math.isinf(most):
        return number + 1 if math.isinf(most) else number - 1
    return (least + most) / 2


def _first(schema: Schema, *names: str, otherwise: float) -> float:
    return next((schema[name] for name in names if name in schema), otherwise)


_SIMPLE: Final[dict[str, Callable[[Schema], Any]]] = {
    "string": _make_string,
    "integer": _make_number,
    "number": _make_number,
    "boolean": lambda _: True,
    "null": lambda _: None,
}
