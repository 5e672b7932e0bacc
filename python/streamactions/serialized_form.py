"""Reading what a type has written: the same type, by the names and with the fields of its serialised form.

A field may be written under another name than it is read by, or not be written at all; a computed one is
written and not read. So a validator of the type itself may refuse what the type has written, or pass over it.
"""

import threading
from typing import Any, Final
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter
from pydantic_core import CoreSchema, SchemaValidator

from streamactions.core_schemas import copy_schemas, make_validator

__all__ = ["SerializedForm", "serialized_form"]


class SerializedForm:
    """What reads the serialised form of a type; as much of a ``TypeAdapter`` as that takes."""

    def __init__(self, core_schema: CoreSchema) -> None:
        self.core_schema: Final = core_schema
        self.validator: Final[SchemaValidator] = make_validator(core_schema)
        # Its schema holds all that there is to know.
        self._config: Final = None


_lock: Final = threading.Lock()
_forms: WeakKeyDictionary[TypeAdapter[Any], SerializedForm | None] = WeakKeyDictionary()
"""``None`` for an adapter that reads what it writes: a value that held its own key would never go."""


def serialized_form(adapter: TypeAdapter[Any]) -> TypeAdapter[Any] | SerializedForm:
    """What reads what this type writes: the adapter itself where it does, or where it has a ``config``.

    A name that is read stays one, beside that which is written. A field that is not written, and has no
    default, is ``None`` when it is read.
    """
    with _lock:
        if adapter not in _forms:
            _forms[adapter] = _make(adapter)
        return _forms[adapter] or adapter


def _make(adapter: TypeAdapter[Any]) -> SerializedForm | None:
    # Where the attribute is not known there may be a config, which the schema does not hold.
    if getattr(adapter, "_config", ...) is not None:
        return None
    change = _Change()
    schema = copy_schemas(adapter.core_schema, change)
    return SerializedForm(schema) if change.is_needed else None


class _Change:
    """Makes schemas read what they write.

    Attributes:
        is_needed: whether one did not.
    """

    def __init__(self) -> None:
        self.is_needed = False

    def __call__(self, schema: dict[str, Any]) -> None:
        kind = schema["type"]
        if kind in ("model-fields", "typed-dict"):
            for name, field in schema["fields"].items():
                self._read_field(name, field)
        elif kind == "dataclass-args":
            for field in schema["fields"]:
                self._read_field(field["name"], field)
        elif kind in ("model", "dataclass"):
            self._read_config(schema)
        elif kind == "tagged-union" and not callable(schema["discriminator"]):
            self._read_tag(schema)

    def _read_field(self, name: str, field: dict[str, Any]) -> None:
        written = field.get("serialization_alias", name)
        read = _paths(field.get("validation_alias", name))
        if [written] not in read:
            self.is_needed = True
            # The name that is written goes first: the other may be that of another field.
            field["validation_alias"] = [[written], *read]
        may_be_absent = field.get("serialization_exclude") or "serialization_exclude_if" in field
        if may_be_absent and field["type"] == "typed-dict-field":
            self.is_needed = True
            field["required"] = False
        elif may_be_absent and not _has_default(field["schema"]):
            self.is_needed = True
            field["schema"] = {"type": "default", "schema": field["schema"], "default": None}

    def _read_tag(self, schema: dict[str, Any]) -> None:
        paths = _paths(schema["discriminator"])
        written: list[list[str | int]] = []
        for choice in schema["choices"].values():
            for name, field in _fields(choice):
                read = _paths(field.get("validation_alias", name))
                if any(path in paths for path in read):
                    written += [path for path in read if path not in paths and path not in written]
        if written:
            schema["discriminator"] = written + paths

    def _read_config(self, schema: dict[str, Any]) -> None:
        config = schema.get("config", {})
        changes = {}
        if config.get("extra_fields_behavior") == "forbid" and _has_computed(schema["schema"]):
            changes["extra_fields_behavior"] = "ignore"
        written_bytes = config.get("ser_json_bytes", "utf8")
        if written_bytes != config.get("val_json_bytes", "utf8"):
            changes["val_json_bytes"] = written_bytes
        if changes:
            self.is_needed = True
            schema["config"] = config | changes


def _paths(alias: Any) -> list[list[str | int]]:
    """All ways to a field: an alias is a name, a path, or a list of paths."""
    if isinstance(alias, str):
        return [[alias]]
    return [list(path) for path in alias] if isinstance(alias[0], list) else [list(alias)]


def _fields(schema: Any) -> list[tuple[str, dict[str, Any]]]:
    """The fields of a model, a dataclass or a typed dict; validators may stand around them."""
    while isinstance(schema, dict):
        fields = schema.get("fields")
        if fields is not None:
            return (
                list(fields.items())
                if isinstance(fields, dict)
                else [(each["name"], each) for each in fields]
            )
        schema = schema.get("schema")
    return []


def _has_default(schema: Any) -> bool:
    while isinstance(schema, dict):
        if schema["type"] == "default":
            return True
        schema = schema.get("schema")
    return False


def _has_computed(schema: Any) -> bool:
    """Whether a model or a dataclass has computed fields; validators may stand around its fields."""
    while isinstance(schema, dict):
        if schema.get("computed_fields"):
            return True
        schema = schema.get("schema")
    return False
