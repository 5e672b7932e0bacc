"""What the console's page is told about the actions: names, texts and JSON schemas.

Metadata and middleware stay out: they are the server's own, and may hold what no page should show.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from streamactions.action import StreamAction

__all__ = ["describe_actions"]


def describe_actions(actions: Mapping[str, StreamAction]) -> bytes:
    """The actions as JSON: ``{"actions": [{name, method, doc, input, output}]}``.

    ``input`` and ``output`` are JSON schemas (2020-12), ``null`` where any JSON is taken or the
    type has no schema.
    """
    described = [
        {
            "name": action.name,
            "method": action.method,
            "doc": inspect.cleandoc(action.__doc__ or ""),
            "input": _schema(action.input_adapter, "validation"),
            "output": _schema(action.output_adapter, "serialization"),
        }
        for action in actions.values()
    ]
    return orjson.dumps({"actions": described}, default=str)


def _schema(adapter: TypeAdapter[Any] | None, mode: Literal["validation", "serialization"]) -> Any:
    if adapter is None:
        return None
    try:
        return adapter.json_schema(mode=mode)
    except PydanticInvalidForJsonSchema:
        return None
