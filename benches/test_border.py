"""What crossing the border costs: ``benches/.venv/bin/python -m pytest benches/test_border.py``."""

from types import ModuleType
from typing import Any

import orjson
import pytest

from border import READ_BYTES, cut, feed, iterate, load_core, read, refuse_debug_build, send

EVENTS = 10_000
CHUNK = {"text": "hello", "i": 123456}
TEXT = orjson.dumps(CHUNK).decode()


@pytest.fixture(scope="module")
def core() -> ModuleType:
    core = load_core()
    refuse_debug_build(core)
    return core


def test_send(benchmark: Any, core: ModuleType) -> None:
    written = benchmark(send, core, orjson.dumps, CHUNK, EVENTS)
    assert feed(core, written) == EVENTS + 1


def test_send_what_is_json_already(benchmark: Any, core: ModuleType) -> None:
    written = benchmark(send, core, bytes, TEXT.encode(), EVENTS)
    assert feed(core, written) == EVENTS + 1


@pytest.mark.parametrize("chunk_bytes", [10, 100, 1_000, 10_000])
def test_send_text(benchmark: Any, core: ModuleType, chunk_bytes: int) -> None:
    chunk = {"text": "x" * chunk_bytes}
    written = benchmark(send, core, orjson.dumps, chunk, 1_000)
    assert feed(core, written) == 1_001


def test_decode_whole_reads(benchmark: Any, core: ModuleType) -> None:
    pieces = cut(core.encode_event(TEXT) * EVENTS, READ_BYTES)
    assert benchmark(feed, core, pieces) == EVENTS


def test_decode_one_event_a_read(benchmark: Any, core: ModuleType) -> None:
    pieces = [core.encode_event(TEXT)] * EVENTS
    assert benchmark(feed, core, pieces) == EVENTS


def test_iterate_one_event_a_read(benchmark: Any, core: ModuleType) -> None:
    pieces = [core.encode_event(TEXT)] * EVENTS
    assert benchmark(iterate, core, pieces) == EVENTS


def test_read_one_event_a_read(benchmark: Any, core: ModuleType) -> None:
    pieces = [core.encode_event(TEXT)] * EVENTS
    assert benchmark(read, core, pieces) == EVENTS


def test_encode_event(benchmark: Any, core: ModuleType) -> None:
    def encode() -> int:
        return sum(len(core.encode_event(TEXT)) for _ in range(EVENTS))

    assert benchmark(encode) == EVENTS * len(core.encode_event(TEXT))
