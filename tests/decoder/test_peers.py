"""The decoder gives what httpx-sse and httpx2 give, but for the differences listed as data."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamactions import Event

from .feeding import feed
from .peers import DIFFERENCES, PEERS
from .vectors import events_of, name_of, stream_of, table

peers = pytest.mark.parametrize("peer", PEERS)


@peers
@pytest.mark.parametrize("item", table("decode"), ids=name_of)
def test_vectors(peer: str, item: dict[str, Any]) -> None:
    stream = stream_of(item)
    expected = [fields_of(event) for event in events_of(item)]
    wanted = DIFFERENCES[peer].get(item["name"], expected)
    assert (wanted != expected) == (item["name"] in DIFFERENCES[peer]), "what is listed must differ"
    assert PEERS[peer]([stream]) == wanted
    assert PEERS[peer]([stream[at : at + 1] for at in range(len(stream))]) == wanted


@peers
def test_each_difference_is_a_vector(peer: str) -> None:
    assert DIFFERENCES[peer].keys() <= {item["name"] for item in table("decode")}


# Streams in which every block has data and every retry is digits: what the peers get right.
text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)
line_end = st.sampled_from(["\n", "\r", "\r\n"])
field = st.one_of(
    text.map("data: {}".format),
    text.map("event: {}".format),
    st.integers(0, 10**6).map("retry: {}".format),
    text.map(": {}".format),
    text.map("other: {}".format),
)
block = st.tuples(st.lists(field, max_size=4), text, line_end).map(
    lambda parts: parts[2].join([*parts[0], f"data:{parts[1]}", "", ""])
)
streams = st.lists(block, max_size=4).map(lambda blocks: "".join(blocks).encode())


@peers
@given(stream=streams)
def test_well_formed_streams(peer: str, stream: bytes) -> None:
    assert PEERS[peer]([stream]) == [fields_of(event) for event in feed([stream]).events]


def fields_of(event: Event) -> tuple[str, str, str, int | None]:
    return event.event, event.data, event.id, event.retry_ms
