"""A client that leaves over HTTP/1.1: what its handler sees, and how soon.

How soon is measured and printed (``pytest -rP``), since the promise is 100 ms; but no test fails
because a machine is slow.
"""

import time

import pytest

from server.raw_client import RawClient
from server.served import Served

ENDLESS = [
    "waits",
    "sends-at-a-pace",
    "sends-without-pause",
    "computes",
    "generates-at-a-pace",
    "generates-without-pause",
]


def print_delay(served: Served, run: str, left_s: float) -> None:
    """Wait until the handler was cancelled, and print how long that took."""
    cancelled_s = served.wait_for_note(run, "cancelled")["at_s"]
    print(f"cancelled after {(cancelled_s - left_s) * 1000:.1f} ms")


def leave(client: RawClient, how: str) -> float:
    left_s = time.monotonic()
    client.reset() if how == "reset" else client.close()
    return left_s


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("action", ENDLESS)
def test_the_handler_is_cancelled(granian: Served, run: str, action: str, how: str) -> None:
    client = granian.open(action, {"run": run})
    assert client.read_frame() == b"data: 0\n\n"
    print_delay(granian, run, leave(client, how))
    assert granian.notes(run) == ["started", "cancelled"]


@pytest.mark.parametrize("action", ["sends-without-pause", "generates-without-pause"])
def test_many_clients_leave_greedy_handlers(granian: Served, run: str, action: str) -> None:
    # Many, since the handler must not be found in any step of its sending that does harm.
    for i in range(40):
        client = granian.open(action, {"run": f"{run} {i}"})
        client.read_frame()
        leave(client, "close")
        granian.wait_for_note(f"{run} {i}", "cancelled")


def test_a_handler_that_has_sent_nothing_is_cancelled(granian: Served, run: str) -> None:
    client = granian.open("waits-first", {"run": run})
    granian.wait_for_note(run, "started")
    print_delay(granian, run, leave(client, "close"))


def test_a_handler_whose_reader_has_stopped_is_cancelled(granian: Served, run: str) -> None:
    client = granian.open("flood-for-ever", {"run": run}, receive_buffer_bytes=8192)
    granian.wait_until_stalled(run)
    print_delay(granian, run, leave(client, "reset"))


def test_the_handler_finds_its_stream_closed(granian: Served, run: str) -> None:
    leave(granian.open("waits", {"run": run}), "close")
    assert granian.wait_for_note(run, "cancelled")["closed"]


def test_a_handler_that_fails_while_it_is_cancelled_is_logged(granian: Served, run: str) -> None:
    leave(granian.open("fails-afterwards", {"run": run}), "close")
    assert granian.wait_for_note(run, "raised")["error"] == "RuntimeError"
    granian.expect_logged_once(f"RuntimeError: secret {run}")


def test_an_error_for_a_client_that_has_left_is_dropped(granian: Served, run: str) -> None:
    leave(granian.open("refuses-afterwards", {"run": run}), "close")
    assert granian.wait_for_note(run, "raised")["error"] == "ActionError"
    assert granian.what_is_left()["tasks"] == {}
    assert granian.log.lines_with(run) == []


def test_a_handler_may_clean_up(granian: Served, run: str) -> None:
    leave(granian.open("cleans-up", {"run": run}), "close")
    granian.wait_for_note(run, "cancelled")
    assert granian.notes(run) == ["started", "refused", "clean", "cancelled"]
    assert granian.wait_for_note(run, "refused")["error"] == "ClientDisconnectedError"
    assert granian.log.lines_with(run) == []


def test_a_handler_may_go_on(granian: Served, run: str) -> None:
    with granian.open("goes-on", {"run": run}) as client:
        assert client.read_frame() == b'data: {"gone":false,"closed":false}\n\n'
    granian.wait_for_note(run, "finished")
    assert granian.notes(run) == ["started", "left", "finished"]
    note = granian.wait_for_note(run, "left")
    assert (note["gone"], note["closed"]) == (True, True)


def test_a_handler_that_goes_on_and_fails_is_logged(granian: Served, run: str) -> None:
    granian.open("goes-on", {"run": run, "fail": "yes"}).close()
    granian.wait_for_note(run, "raised")
    granian.expect_logged_once(f"RuntimeError: secret {run}")


def test_a_handler_that_goes_on_does_not_wait_for_who_has_left(granian: Served, run: str) -> None:
    client = granian.open("goes-on-without-pause", {"run": run}, receive_buffer_bytes=8192)
    assert client.read_frame()
    leave(client, "reset")
    granian.wait_for_note(run, "finished")


def call_slow_middleware(granian: Served, action: str, run: str) -> RawClient:
    client = RawClient(granian.port)
    client.request(granian.path(action), {"run": run})
    granian.wait_for_note(run, "middleware")
    return client


def test_middleware_is_cancelled(granian: Served, run: str) -> None:
    client = call_slow_middleware(granian, "slow-middleware", run)
    print_delay(granian, run, leave(client, "close"))
    assert granian.notes(run) == ["middleware", "cancelled"]
    assert granian.log.lines_with(run) == []


def test_middleware_goes_on_where_the_handler_would(granian: Served, run: str) -> None:
    leave(call_slow_middleware(granian, "slow-middleware-goes-on", run), "close")
    granian.say(run, "go")
    granian.wait_for_note(run, "finished")
    assert granian.notes(run) == ["middleware", "go", "started", "finished"]


def test_a_client_that_stays_is_served_after_slow_middleware(granian: Served, run: str) -> None:
    with call_slow_middleware(granian, "slow-middleware", run) as client:
        granian.say(run, "go")
        assert client.read_frame() == b"data: 0\n\n"
    granian.wait_for_note(run, "finished")
