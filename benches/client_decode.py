"""Decoding: the bytes of a stream to Python objects, per event, on every shape of ``tests/vectors``.

Strategy: the same reads go to each decoder in turn, round after round, so that a machine that
drifts drifts for all; medians of the rounds are compared. CPU time of the process counts, not the
clock. A decoder that gives another number of events, or other objects, ends the run.

Where a shape's data is not JSON, the events alone are compared.

Run: ``python benches/client_decode.py [--quick]``; needs httpx-sse and openai.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import httpx
import httpx_sse
import openai._streaming
import orjson

from streamactions import Event, SSEDecoder, build_info

VECTORS: Final = Path(__file__).parent.parent / "tests" / "vectors" / "shapes.json"
PLAIN_SHAPES: Final = ("huge_line_in_drips", "many_data_lines")
"""Their data is not JSON."""

MAX_EVENT_BYTES: Final = 4_194_304
ROUNDS: Final = 5

Contestant = Callable[[list[bytes]], Iterator[Any]]


def ours(reads: list[bytes]) -> Iterator[Any]:
    return chain.from_iterable(map(SSEDecoder(max_event_bytes=MAX_EVENT_BYTES).feed_json, reads))


def ours_events(reads: list[bytes]) -> Iterator[Any]:
    events = chain.from_iterable(map(SSEDecoder(max_event_bytes=MAX_EVENT_BYTES).feed, reads))
    return map(attrgetter("data"), events)


def ours_event_json(reads: list[bytes]) -> Iterator[Any]:
    events = chain.from_iterable(map(SSEDecoder(max_event_bytes=MAX_EVENT_BYTES).feed, reads))
    return map(Event.json, events)


def split_orjson(reads: list[bytes]) -> Iterator[Any]:
    """What a hurried author writes: right for no stream but ``data: …\\n\\n``."""
    rest = b""
    for data in reads:
        *blocks, rest = (rest + data).split(b"\n\n")
        for block in blocks:
            if block.startswith(b"data: "):
                yield orjson.loads(block[6:])


def _httpx_sse_data(reads: list[bytes]) -> Iterator[str]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(reads))
    return map(attrgetter("data"), httpx_sse.EventSource(response).iter_sse())


def with_httpx_sse(reads: list[bytes]) -> Iterator[Any]:
    return map(json.loads, _httpx_sse_data(reads))


def _openai_data(reads: list[bytes]) -> Iterator[str]:
    return map(attrgetter("data"), openai._streaming.SSEDecoder().iter_bytes(iter(reads)))


def with_openai(reads: list[bytes]) -> Iterator[Any]:
    return map(json.loads, _openai_data(reads))


JSON_CONTESTANTS: Final[dict[str, Contestant]] = {
    "feed_json": ours,
    "feed+json()": ours_event_json,
    "split+orjson": split_orjson,
    "httpx-sse": with_httpx_sse,
    "openai": with_openai,
}
PLAIN_CONTESTANTS: Final[dict[str, Contestant]] = {
    "feed_json": ours_events,
    "httpx-sse": _httpx_sse_data,
    "openai": _openai_data,
}


def reads_of(shape: dict[str, Any], scale: float) -> tuple[list[bytes], int]:
    """The reads of a shape and the number of its events, ``scale`` times as long."""
    repeat = max(1, int(shape["repeat"] * scale))
    parts = [
        part["text"].replace("$i", str(i)).encode()
        for i in range(repeat)
        for part in shape["parts"]
        for _ in range(part["times"])
    ]
    events = shape["events"] * repeat // shape["repeat"]
    if shape["feed"] == "part":
        return parts, events
    stream = b"".join(parts)
    size = len(stream) if shape["feed"] == "whole" else shape["feed"]
    return [stream[at : at + size] for at in range(0, len(stream), size)], events


def cpu_ns(contestant: Contestant, reads: list[bytes], events: int) -> int:
    gc.collect()
    gc.disable()
    before = time.process_time_ns()
    given = 0
    # What a reader does with a value is left out, and so is keeping it: it is dropped at once.
    for _ in contestant(reads):
        given += 1
    spent = time.process_time_ns() - before
    gc.enable()
    if given != events:
        sys.exit(f"{contestant.__name__} gave {given} events of {events}")
    return spent


def measure(shape: dict[str, Any], scale: float, rounds: int) -> dict[str, float]:
    """Median CPU per event in nanoseconds, by contestant."""
    reads, events = reads_of(shape, scale)
    is_plain = shape["name"] in PLAIN_SHAPES
    contestants = PLAIN_CONTESTANTS if is_plain else JSON_CONTESTANTS
    if "\r" in "".join(part["text"] for part in shape["parts"]):
        contestants = {name: run for name, run in contestants.items() if run is not split_orjson}
    expected = list(contestants["httpx-sse"](reads))
    for name, contestant in contestants.items():
        if list(contestant(reads)) != expected:
            sys.exit(f"{shape['name']}: {name} gives other values than httpx-sse")
    if any(isinstance(value, Event) for value in ours(reads)) != is_plain:
        sys.exit(f"{shape['name']}: feed_json did not parse what it should")
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            spent[name].append(cpu_ns(contestant, reads, events) / events)
    return {name: statistics.median(times) for name, times in spent.items()}


def main() -> None:
    """Print one line for each shape: nanoseconds an event, and how many times a peer's cost is ours."""
    parser = argparse.ArgumentParser(description="Decoders side by side; CPU per event.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, one round")
    arguments = parser.parse_args()
    if build_info()["profile"] != "release":
        sys.exit("this is a debug build of the extension: build it with 'maturin develop --release'")
    scale, rounds = (0.1, 1) if arguments.quick else (1.0, ROUNDS)
    print(
        f"{'ns per event':22}", *(f"{name:>13}" for name in JSON_CONTESTANTS), "   httpx-sse/ours openai/ours"
    )
    for shape in json.loads(VECTORS.read_text(encoding="utf-8")):
        medians = measure(shape, scale, rounds)
        cells = (f"{medians[name]:13.0f}" if name in medians else " " * 13 for name in JSON_CONTESTANTS)
        own = medians["feed_json"]
        ratios = f"{medians['httpx-sse'] / own:14.1f} {medians['openai'] / own:11.1f}"
        print(f"{shape['name']:22}", *cells, ratios)


if __name__ == "__main__":
    main()
