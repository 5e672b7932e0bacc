"""Handlers in threads, on a real server."""

import pytest

from server.served import Served


@pytest.mark.parametrize("action", ["threaded-send", "threaded-yield", "threaded-helper"])
def test_they_stream(granian: Served, action: str) -> None:
    assert granian.call(action, {"count": 500}).chunks() == [{"number": n} for n in range(500)]


@pytest.mark.parametrize("action", ["threaded-send-endless", "threaded-yield-endless"])
@pytest.mark.parametrize("reads", [True, False])
def test_a_client_that_leaves_ends_them(granian: Served, action: str, reads: bool) -> None:
    with granian.open(action, receive_buffer_bytes=4096) as client:
        for _ in range(20 if reads else 1):
            client.read_frame()
    # The fixture waits until nothing of the call is left, its thread included.
