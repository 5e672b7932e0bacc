"""``feed_json`` gives what ``feed`` and ``Event.json`` give, item by item, however the stream is cut."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamactions import Event, EventTooLargeError, SSEDecoder, encode_event

from .feeding import AMPLE_BYTES, KINDS
from .test_vectors import reads_of
from .vectors import name_of, stream_of, table

modes = pytest.mark.parametrize("messages_only", [False, True])


def item_of(event: Event, *, messages_only: bool) -> Any:
    if messages_only and event.event != "message":
        return event
    try:
        return event.json()
    except ValueError:
        return event


def feed_json(
    reads: list[Any], *, messages_only: bool, max_event_bytes: int = AMPLE_BYTES
) -> tuple[list[Any], bool, str]:
    """The items, whether an event was too large, and the stream's last event ID."""
    decoder = SSEDecoder(max_event_bytes=max_event_bytes)
    items: list[Any] = []
    for read in reads:
        try:
            items += decoder.feed_json(read, messages_only=messages_only)
        except EventTooLargeError as caught:
            with pytest.raises(EventTooLargeError) as again:
                decoder.feed_json(b"data: 1\n\n")
            assert again.value.events == []
            return items + caught.events, True, decoder.last_event_id
    return items, False, decoder.last_event_id


def feed(stream: bytes, *, messages_only: bool, max_event_bytes: int) -> tuple[list[Any], bool, str]:
    decoder = SSEDecoder(max_event_bytes=max_event_bytes)
    try:
        events, too_large = decoder.feed(stream), False
    except EventTooLargeError as caught:
        events, too_large = caught.events, True
    return [item_of(event, messages_only=messages_only) for event in events], too_large, decoder.last_event_id


@modes
@pytest.mark.parametrize("item", [*table("decode"), *table("bounds")], ids=name_of)
def test_vectors_in_every_way(item: dict[str, Any], messages_only: bool) -> None:
    stream, limit = stream_of(item), item.get("max_event_bytes", AMPLE_BYTES)
    expected = feed(stream, messages_only=messages_only, max_event_bytes=limit)
    ways: list[list[Any]] = [[kind(stream)] for kind in KINDS]
    ways.append([stream[at : at + 1] for at in range(len(stream))])
    ways += [[stream[:cut], stream[cut:]] for cut in range(len(stream) + 1)]
    for reads in ways:
        assert feed_json(reads, messages_only=messages_only, max_event_bytes=limit) == expected


@pytest.mark.parametrize("shape", table("shapes"), ids=name_of)
def test_shapes(shape: dict[str, Any]) -> None:
    reads = reads_of(shape)
    items, too_large, _ = feed_json(reads, messages_only=False)
    assert (len(items), too_large) == (shape["events"], False)
    decoder = SSEDecoder()
    events = [event for read in reads for event in decoder.feed(read)]
    assert items == [item_of(event, messages_only=False) for event in events]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(values=st.lists(json_values, max_size=5), indent=st.sampled_from([None, 1]), is_ascii=st.booleans())
def test_any_json_is_what_the_standard_library_reads(
    values: list[Any], indent: int | None, is_ascii: bool
) -> None:
    texts = [json.dumps(value, indent=indent, ensure_ascii=is_ascii) for value in values]
    try:
        stream = b"".join(map(encode_event, texts))
    except ValueError:
        # A lone surrogate, which UTF-8 cannot hold.
        return
    expected = []
    for text in texts:
        try:
            text.encode()
            value = json.loads(text)
            json.dumps(value, ensure_ascii=False).encode()
            expected.append(value)
        except ValueError:
            expected.append(Event(data=text))
    assert SSEDecoder().feed_json(stream) == expected


def test_malformed_utf_8_within_json_is_replaced() -> None:
    assert SSEDecoder().feed_json(b'data: {"a":"x\xffy\xe6\x97"}\n\n') == [{"a": "x\ufffdy\ufffd"}]


@pytest.mark.parametrize("data", ["[DONE]", "", "{", "NaN", "Infinity", '{"a":1}x', "[" * 100_000])
def test_data_that_is_not_json_stays_an_event(data: str) -> None:
    stream = b"id: 1\n" + encode_event(data) + encode_event("{}")
    assert SSEDecoder().feed_json(stream) == [Event(data=data, id="1"), {}]


def test_the_id_of_an_event_that_stays_is_the_latest() -> None:
    stream = b"id: 1\ndata: x\n\nid: 2\ndata: {}\n\ndata: y\n\n"
    assert SSEDecoder().feed_json(stream) == [Event(data="x", id="1"), {}, Event(data="y", id="2")]


def test_numbers() -> None:
    stream = encode_event(f"[{2**53 + 1}, {10**40}, -0.0, 1e400, 0.1, 1.0]")
    ((large, huge, zero, infinite, tenth, one),) = SSEDecoder().feed_json(stream)
    assert (large, huge, tenth) == (2**53 + 1, 10**40, 0.1)
    assert (math.copysign(1, zero), infinite, type(one)) == (-1, math.inf, float)
