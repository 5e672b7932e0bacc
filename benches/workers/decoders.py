"""Decoders side by side on one shape: the same reads go to each in turn.

The plan, as JSON on the standard input, names the shape and its scale, and says whether its data is
JSON; the report gives each decoder's CPU per event, in microseconds. The process's CPU time counts,
not the clock. A decoder that gives another number of events, or other values, ends the process.
"""

import gc
import json
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

from streamactions import Event, SSEDecoder

VECTORS: Final = Path(__file__).resolve().parents[2] / "tests" / "vectors" / "shapes.json"
MAX_EVENT_BYTES: Final = 4_194_304
MIN_SPENT_NS: Final = 200_000_000
"""A decoder that is done sooner starts over: a few milliseconds would be measured too coarsely."""

Decoder = Callable[[list[bytes]], Iterator[Any]]


def iter_json(reads: list[bytes]) -> Iterator[Any]:
    return SSEDecoder(max_event_bytes=MAX_EVENT_BYTES).iter_json(reads)


def _iter_events(reads: list[bytes]) -> Iterator[Event]:
    return SSEDecoder(max_event_bytes=MAX_EVENT_BYTES).iter_events(reads)


def iter_data(reads: list[bytes]) -> Iterator[str]:
    return map(attrgetter("data"), _iter_events(reads))


def iter_and_parse(reads: list[bytes]) -> Iterator[Any]:
    return map(Event.json, _iter_events(reads))


def feed_json(reads: list[bytes]) -> Iterator[Any]:
    return chain.from_iterable(map(SSEDecoder(max_event_bytes=MAX_EVENT_BYTES).feed_json, reads))


def _feed(reads: list[bytes]) -> Iterator[Event]:
    return chain.from_iterable(map(SSEDecoder(max_event_bytes=MAX_EVENT_BYTES).feed, reads))


def feed_data(reads: list[bytes]) -> Iterator[str]:
    return map(attrgetter("data"), _feed(reads))


def feed_and_parse(reads: list[bytes]) -> Iterator[Any]:
    return map(Event.json, _feed(reads))


def split_orjson(reads: list[bytes]) -> Iterator[Any]:
    """What a hurried author writes: right for no stream but ``data: …\\n\\n``."""
    rest = b""
    for data in reads:
        *blocks, rest = (rest + data).split(b"\n\n")
        for block in blocks:
            if block.startswith(b"data: "):
                yield orjson.loads(block[6:])


def httpx_sse_data(reads: list[bytes]) -> Iterator[str]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(reads))
    return map(attrgetter("data"), httpx_sse.EventSource(response).iter_sse())


def httpx_sse_json(reads: list[bytes]) -> Iterator[Any]:
    return map(json.loads, httpx_sse_data(reads))


def openai_data(reads: list[bytes]) -> Iterator[str]:
    return map(attrgetter("data"), openai._streaming.SSEDecoder().iter_bytes(iter(reads)))


def openai_json(reads: list[bytes]) -> Iterator[Any]:
    return map(json.loads, openai_data(reads))


JSON_DECODERS: Final[dict[str, Decoder]] = {
    "streamactions-iter-json": iter_json,
    "streamactions-iter-events": iter_and_parse,
    "streamactions-feed-json": feed_json,
    "streamactions-feed": feed_and_parse,
    "split-orjson": split_orjson,
    "httpx-sse": httpx_sse_json,
    "openai": openai_json,
}
TEXT_DECODERS: Final[dict[str, Decoder]] = {
    "streamactions-iter-events": iter_data,
    "streamactions-feed": feed_data,
    "httpx-sse": httpx_sse_data,
    "openai": openai_data,
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


def choose_decoders(shape: dict[str, Any], *, is_json: bool) -> dict[str, Decoder]:
    """Those that can read the shape."""
    has_cr = any("\r" in part["text"] for part in shape["parts"])
    decoders = JSON_DECODERS if is_json else TEXT_DECODERS
    return {name: decoder for name, decoder in decoders.items() if not (has_cr and decoder is split_orjson)}


def check(decoders: dict[str, Decoder], reads: list[bytes], *, is_json: bool) -> None:
    """All of them give the same; this warms them up as well."""
    expected = list(decoders["httpx-sse"](reads))
    for name, decoder in decoders.items():
        if list(decoder(reads)) != expected:
            sys.exit(f"{name} gives other values than httpx-sse")
    if any(isinstance(value, Event) for value in feed_json(reads)) == is_json:
        sys.exit("feed_json did not parse what it should")


def measure(decoder: Decoder, reads: list[bytes], events: int) -> float:
    """CPU per event in microseconds."""
    passes = spent_ns = 0
    gc.collect()
    gc.disable()
    while spent_ns < MIN_SPENT_NS:
        given = 0
        before_ns = time.process_time_ns()
        # What a reader does with a value is left out, and so is keeping it: it is dropped at once.
        for _ in decoder(reads):
            given += 1
        spent_ns += time.process_time_ns() - before_ns
        passes += 1
        if given != events:
            sys.exit(f"{decoder.__name__} gave {given} events of {events}")
    gc.enable()
    return spent_ns / 1000 / passes / events


def main() -> None:
    plan = json.load(sys.stdin)
    shapes = {shape["name"]: shape for shape in json.loads(VECTORS.read_text(encoding="utf-8"))}
    shape, is_json = shapes[plan["shape"]], plan["is_json"]
    reads, events = reads_of(shape, plan["scale"])
    decoders = choose_decoders(shape, is_json=is_json)
    check(decoders, reads, is_json=is_json)
    print(json.dumps({name: measure(decoder, reads, events) for name, decoder in decoders.items()}))


if __name__ == "__main__":
    main()
