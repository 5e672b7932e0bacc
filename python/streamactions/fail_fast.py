"""The same validation, which stops at the first mistake of each list and object.

pydantic collects every mistake of an input, however many there are. Its own remedy is ``FailFast`` in a
type, which authors would have to write at each list; here it is set throughout a copy of the schema.
"""

import threading
from typing import Any, Final
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter

from streamactions.core_schemas import copy_schemas, make_validator
from streamactions.serialized_form import SerializedForm

__all__ = ["is_patient", "validate_json"]

MAX_PATIENT_BYTES: Final = 16 * 1024
"""The largest JSON of which every mistake is looked for. 1 MB of ``{}`` for a list of models of ten fields
has 3.5 million mistakes, which take pydantic 1.3 GB; in 16 KiB there are too few to matter."""

_COLLECTIONS: Final = frozenset({"list", "tuple", "set", "frozenset", "dict"})
"""The schemas that know ``fail_fast`` (pydantic-core's ``core_schema``); those that `copy_schemas` does not
reach are patient."""

_lock: Final = threading.Lock()
_validators: WeakKeyDictionary[TypeAdapter[Any] | SerializedForm, Any] = WeakKeyDictionary()


def is_patient(json: bytes) -> bool:
    """Whether every mistake of this JSON is looked for."""
    return len(json) <= MAX_PATIENT_BYTES


def validate_json(adapter: TypeAdapter[Any] | SerializedForm, json: bytes) -> Any:
    """The value of JSON that another program wrote, at a cost that is bounded by its size.

    An adapter with a ``config`` of its own is always patient, because the schema does not hold it.

    Args:
        adapter: what takes the value; for large JSON, a second validator is made of it once.
        json: the JSON.

    Raises:
        pydantic.ValidationError: it is refused; see ``is_patient`` for what the error holds.
    """
    validator = adapter.validator if is_patient(json) else _fail_fast_validator(adapter)
    return validator.validate_json(json)


def _fail_fast_validator(adapter: TypeAdapter[Any] | SerializedForm) -> Any:
    """A validator that takes the same and refuses the same sooner."""
    with _lock:
        validator = _validators.get(adapter)
        if validator is None:
            # Where the attribute is not known there may be a config: better slow than lax.
            has_config = getattr(adapter, "_config", ...) is not None
            validator = _validators[adapter] = (
                adapter.validator
                if has_config
                else make_validator(copy_schemas(adapter.core_schema, _fail_fast))
            )
        return validator


def _fail_fast(schema: dict[str, Any]) -> None:
    if schema["type"] in _COLLECTIONS:
        schema.setdefault("fail_fast", True)
