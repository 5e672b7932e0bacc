"""Events without data, which keep streams alive, and ends with blanks around them."""

import asyncio
from typing import Any, Final

import pytest
from fake_transport import DONE, FakeResponse, FakeTransport

from streamactions import ActionError, use_stream_action
from streamactions.client import open_event_stream

URL: Final = "http://server.test/events"

BLANKS: Final = [b"data:\n\n", b"data: \n\n", b"data\n\n", b"data:\ndata: \n\n", b"event: ping\ndata:\n\n"]


def cuts(body: bytes) -> list[list[bytes]]:
    """The body whole, byte by byte, and at every cut."""
    pieces = [[body], [body[at : at + 1] for at in range(len(body))]]
    return pieces + [[body[:at], body[at:]] for at in range(1, len(body))]


async def read_values(pieces: list[bytes], **options: Any) -> list[Any]:
    client = FakeTransport(FakeResponse(*pieces))
    async with open_event_stream("GET", URL, client=client, **options) as stream:
        values = [value async for value in stream.values()]
        assert stream.complete
        return values


@pytest.mark.parametrize("blank", BLANKS)
def test_an_event_without_data_is_no_value(blank: bytes) -> None:
    body = blank + b'data: {"n":1}\n\n' + blank + b"data: [DONE]\n\n"
    for pieces in cuts(body):
        assert asyncio.run(read_values(pieces, end="[DONE]")) == [{"n": 1}]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("dialect", ["standard", "nuxt-actions", None])
def test_an_event_without_data_is_no_chunk(blank: bytes, dialect: str | None) -> None:
    done = b'data: {"__actions_done":true}\n\n' if dialect == "nuxt-actions" else DONE
    for pieces in cuts(blank + b'data: {"n":1}\n\n' + blank + done):

        async def call(pieces: list[bytes] = pieces) -> list[Any]:
            handle = use_stream_action(URL, dialect=dialect, client=FakeTransport(FakeResponse(*pieces)))
            return [chunk async for chunk in handle.stream()]

        assert asyncio.run(call()) == [{"n": 1}]


def test_an_event_without_data_is_an_event() -> None:
    async def read() -> list[str]:
        client = FakeTransport(FakeResponse(b"data:\n\ndata: 1\n\n"))
        async with open_event_stream("GET", URL, client=client) as stream:
            return [event.data async for event in stream]

    assert asyncio.run(read()) == ["", "1"]


def test_a_loop_over_values_goes_on_after_one_over_events() -> None:
    async def read() -> list[Any]:
        client = FakeTransport(FakeResponse(b"data: 1\n\ndata:\n\ndata: 2\n\ndata: 3\n\n"))
        async with open_event_stream("GET", URL, client=client) as stream:
            async for event in stream:
                assert event.data == "1"
                break
            return [value async for value in stream.values()]

    assert asyncio.run(read()) == [2, 3]


@pytest.mark.parametrize("end", [b"data:  [DONE]\n\n", b"data: [DONE] \n\n", b"data:[DONE]\t\n\n"])
def test_an_end_is_one_with_blanks_around_it(end: bytes) -> None:
    for pieces in cuts(b"data: 1\n\n" + end):
        assert asyncio.run(read_values(pieces, end="[DONE]")) == [1]
    assert asyncio.run(read_values([b"data: 1\n\ndata: [DONE]\n\n"], end=" [DONE] ")) == [1]


def test_a_stream_of_nothing_but_blanks_held_nothing() -> None:
    with pytest.raises(ActionError, match="before the server said") as raised:
        asyncio.run(read_values([b"data:\n\n" * 3]))
    assert raised.value.code == "STREAM_INCOMPLETE"
