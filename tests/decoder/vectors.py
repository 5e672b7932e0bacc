"""Reads ``tests/vectors/*.json``, the tables that the Rust tests read too."""

import base64
import json
from pathlib import Path
from typing import Any

from streamactions import Event

VECTORS = Path(__file__).parent.parent / "vectors"


def table(name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    assert items, f"{name} is empty"
    return items


def name_of(item: dict[str, Any]) -> str:
    name: str = item["name"]
    return name


def stream_of(item: dict[str, Any]) -> bytes:
    if "stream_base64" in item:
        return base64.b64decode(item["stream_base64"])
    stream: str = item["stream"]
    return stream.encode()


def events_of(item: dict[str, Any]) -> list[Event]:
    return [Event(**event) for event in item["events"]]
