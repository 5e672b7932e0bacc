"""The tables, through Python."""

from typing import Any

import pytest

from streamactions import Event, encode_event

from .feeding import feed, feed_every_way
from .vectors import events_of, name_of, stream_of, table


@pytest.mark.parametrize("item", table("decode"), ids=name_of)
def test_decode(item: dict[str, Any]) -> None:
    outcome = feed_every_way(stream_of(item))
    assert outcome.events == events_of(item)
    assert outcome.last_event_id == item["last_event_id"]
    assert outcome.retry_ms == item["retry_ms"]
    assert outcome.error is None


@pytest.mark.parametrize("item", table("bounds"), ids=name_of)
def test_bounds(item: dict[str, Any]) -> None:
    outcome = feed_every_way(stream_of(item), max_event_bytes=item["max_event_bytes"])
    assert outcome.events == events_of(item)
    assert (outcome.error is not None) == item["too_large"]


@pytest.mark.parametrize("as_bytes", [False, True], ids=["str", "bytes"])
@pytest.mark.parametrize("item", table("encode"), ids=name_of)
def test_encode(item: dict[str, Any], as_bytes: bool) -> None:
    fields = dict(item["event"])
    data = fields.pop("data")
    frame = encode_event(data.encode() if as_bytes else data, **fields)
    assert frame.decode() == item["frame"]
    assert feed([frame]).events == [Event(**{**fields, "data": item["decoded_data"]})]


@pytest.mark.parametrize("item", table("encode_refused"), ids=name_of)
def test_encode_refused(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{item['refused_field']} must .*") as caught:
        encode_event(**item["event"])
    assert "\n" not in str(caught.value)


def reads_of(shape: dict[str, Any]) -> list[bytes]:
    parts = [
        part["text"].replace("$i", str(i)).encode()
        for i in range(shape["repeat"])
        for part in shape["parts"]
        for _ in range(part["times"])
    ]
    if shape["feed"] == "part":
        return parts
    stream = b"".join(parts)
    read_bytes = len(stream) if shape["feed"] == "whole" else shape["feed"]
    return [stream[at : at + read_bytes] for at in range(0, len(stream), read_bytes)]


@pytest.mark.parametrize("shape", table("shapes"), ids=name_of)
def test_shapes(shape: dict[str, Any]) -> None:
    events = feed(reads_of(shape)).events
    assert len(events) == shape["events"]
    assert sum(len(event.data.encode()) for event in events) == shape["data_bytes"]
