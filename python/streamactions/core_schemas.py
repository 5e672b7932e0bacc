"""Copies of pydantic's core schemas, changed throughout, and the validators that are made of them."""

from collections.abc import Callable
from typing import Any, Final

from pydantic_core import SchemaValidator

__all__ = ["copy_schemas", "make_validator"]

_HOLDERS: Final = frozenset(
    {
        "schema",
        "items_schema",
        "keys_schema",
        "values_schema",
        "extras_schema",
        "extras_keys_schema",
        "arguments_schema",
        "var_args_schema",
        "var_kwargs_schema",
        "json_schema",
        "lax_schema",
        "strict_schema",
        "choices",
        "definitions",
        "fields",
        "steps",
    }
)
"""The keys of a schema below which there are others. The rest may be values of the author's, such as a
default, and stay what they are; the parts of a schema that this list does not know stay as well."""


def copy_schemas(part: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    """A copy of a schema, or of what holds some: a list, a tuple, or a dict by name.

    Args:
        part: what is copied.
        change: changes the copy of each schema, those within it first.
    """
    if isinstance(part, list | tuple):
        return type(part)(copy_schemas(item, change) for item in part)
    if not isinstance(part, dict):
        return part
    if not isinstance(part.get("type"), str):
        return {name: copy_schemas(item, change) for name, item in part.items()}
    schema = {key: copy_schemas(value, change) if key in _HOLDERS else value for key, value in part.items()}
    change(schema)
    return schema


def make_validator(schema: Any) -> SchemaValidator:
    """A validator of a changed schema."""
    try:
        # A validator that a model class has already would be used as it is.
        return SchemaValidator(schema, _use_prebuilt=False)
    except TypeError:
        # pydantic before 2.11 knows no such validators, and no option for them.
        return SchemaValidator(schema)
