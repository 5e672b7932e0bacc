"""Where the dialect is found out: an end that another event follows is a chunk, also if that one is cut."""

import asyncio
from typing import Any, Final

import pytest
from fake_transport import FakeResponse, FakeTransport

from streamactions import use_stream_action
from streamactions.client import StreamHandle

URL: Final = "http://server.test/chat"
END: Final = b'data: {"__actions_done":true}\n\n'


def call(*pieces: bytes, **options: Any) -> StreamHandle[Any]:
    handle = use_stream_action(URL, client=FakeTransport(FakeResponse(*pieces)), **options)
    asyncio.run(handle.execute())
    return handle


def test_an_end_is_the_last_event() -> None:
    assert call(END).complete
    assert call(END, b": a comment\n\n").complete


@pytest.mark.parametrize("rest", [b'data: {"x"', b'data: {"x":1}\n', b'event: error\ndata: {"code"'])
def test_an_end_behind_which_an_event_was_cut_is_none(rest: bytes) -> None:
    body = END + rest
    for pieces in [[body], [body[at : at + 1] for at in range(len(body))]]:
        handle = call(*pieces)
        assert not handle.complete
        assert handle.error is not None
        assert handle.error.code == "STREAM_INCOMPLETE"


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_the_length_of_a_body_is_not_the_caller_s_to_say(name: str) -> None:
    with pytest.raises(ValueError, match="would cut it: remove it"):
        call(END, headers={name: "5"})
