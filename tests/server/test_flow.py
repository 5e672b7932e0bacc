"""Readers that are slow, handlers that are greedy, and tokens that are alone."""

import json
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from server.actions.flow import FLOOD_CHUNKS
from server.raw_client import RawClient
from server.served import DONE, Served

MAX_BUFFERED_BYTES = 64 * 1024
"""Well above the bound of a stream's own buffer, well below what a handler could pile up."""

MAX_ACCEPTED_BYTES = 16 * 1024 * 1024
"""The buffers of the stream, of Granian and of the two sockets together, generously."""


@pytest.mark.parametrize("action", ["flood", "flood-each"])
def test_a_reader_that_stops_holds_its_handler_up(granian: Served, run: str, action: str) -> None:
    with granian.open(action, {"run": run}, receive_buffer_bytes=8192) as client:
        sent = granian.wait_until_stalled(run)
        assert sent["chunks"] < FLOOD_CHUNKS
        assert sent["chunks"] * 1000 < MAX_ACCEPTED_BYTES
        assert sent["max_buffered_bytes"] <= MAX_BUFFERED_BYTES
        assert granian.notes(run) == ["started"]
        # It reads on, and nothing was lost.
        for i in range(FLOOD_CHUNKS):
            assert json.loads(client.read_frame()[6:])[0] == i
        assert client.read_body() == DONE
    granian.wait_for_note(run, "finished")
    assert granian.call("sent", {"run": run}).chunks()[0]["max_buffered_bytes"] <= MAX_BUFFERED_BYTES


def test_readers_that_stop_hold_up_nobody_else(granian: Served, run: str) -> None:
    runs = [f"{run} {i}" for i in range(4)]
    clients = [granian.open("flood-for-ever", {"run": name}, receive_buffer_bytes=8192) for name in runs]
    for name in runs:
        granian.wait_until_stalled(name)
    assert granian.call("echo", {"chunks": list(range(1000))}).chunks() == list(range(1000))
    for client in clients:
        client.close()
    for name in runs:
        granian.wait_for_note(name, "cancelled")


@pytest.mark.parametrize("action", ["sends-without-pause", "generates-without-pause", "computes"])
def test_a_greedy_handler_does_not_starve_the_others(granian: Served, run: str, action: str) -> None:
    with granian.open(action, {"run": run}) as greedy:

        def read_on() -> None:
            with suppress(ConnectionError):
                while greedy.read_frame():
                    pass

        reading = threading.Thread(target=read_on)
        reading.start()
        for _ in range(5):
            assert granian.call("echo", {"chunks": list(range(100))}).chunks() == list(range(100))
        assert granian.call("generates").chunks() == [0, 1, 2]
        greedy.vanish()
        reading.join()
    granian.wait_for_note(run, "cancelled")


def shake_hands(served: Served, folder: Path, *, tokens: int, pause_s: float) -> None:
    """Read tokens of a handler that computes, and does not let its loop turn, until they are read."""
    paths = [folder / str(i) for i in range(5)]
    value = {"paths": [str(path) for path in paths], "tokens": tokens, "pause_s": pause_s}
    with served.open("handshake", value) as client:
        sent = 0
        for path in paths:
            for _ in range(tokens):
                assert client.read_frame() == b"data: %d\n\n" % sent
                sent += 1
            path.touch()
        assert client.read_body() == DONE


def test_a_lone_token_is_never_held_back(granian: Served, tmp_path: Path) -> None:
    shake_hands(granian, tmp_path, tokens=1, pause_s=0.01)


def test_a_token_that_answers_to_its_reader_is_alone(granian: Served, tmp_path: Path) -> None:
    shake_hands(granian, tmp_path, tokens=1, pause_s=0)


@pytest.mark.parametrize("tokens", [2, 100])
def test_tokens_sent_together_leave_when_their_handler_lets_the_loop_turn(
    granian: Served, tmp_path: Path, tokens: int
) -> None:
    shake_hands(granian, tmp_path, tokens=tokens, pause_s=0)


def test_a_fast_handler_loses_nothing(granian: Served) -> None:
    count = 50_000
    with RawClient(granian.port) as client:
        client.request(granian.path("numbers"), {"stream": 1, "count": count})
        for i in range(count):
            assert json.loads(client.read_frame()[6:])["i"] == i
        assert client.read_body() == DONE
