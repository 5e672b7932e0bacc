"""HTTP/2 with Granian: streams beside each other, and clients that give up one or all."""

import time

import pytest

from server.http2_client import Http2Client
from server.served import DONE, Served, chunk_frame
from server.test_leaving import ENDLESS, print_delay


def test_a_stream_is_the_same(granian: Served) -> None:
    with Http2Client(granian.port) as client:
        number = client.request(granian.path("echo"), {"chunks": [{"text": "hello"}]})
        assert client.read_body(number) == chunk_frame({"text": "hello"}) + DONE
        headers = dict(client.headers[number])
    assert {
        name: headers[name] for name in (":status", "content-type", "cache-control", "x-accel-buffering")
    } == {
        ":status": "200",
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
    }


def test_an_origin_is_compared_with_the_authority(granian: Served) -> None:
    with Http2Client(granian.port) as client:

        def call(origin: str) -> bytes:
            return client.read_body(client.request(granian.path("same-site"), {}, ("origin", origin)))

        assert call("http://test") == chunk_frame({}) + DONE
        for origin in ("http://other", "null"):
            assert call(origin).startswith(b'event: error\ndata: {"code":"CSRF_ERROR"')


def test_streams_run_beside_each_other(granian: Served, run: str) -> None:
    with Http2Client(granian.port) as client:
        waiting = client.request(granian.path("note"), {"run": run, "what": "go"})
        numbers = [client.request(granian.path("echo"), {"chunks": [i]}) for i in range(20)]
        for i, number in reversed(list(enumerate(numbers))):
            assert client.read_body(number) == chunk_frame(i) + DONE
        granian.say(run, "go")
        assert client.read_body(waiting).endswith(DONE)


@pytest.mark.parametrize("how", ["reset the stream", "close the connection"])
@pytest.mark.parametrize("action", ENDLESS)
def test_the_handler_is_cancelled(granian: Served, run: str, action: str, how: str) -> None:
    with Http2Client(granian.port) as client:
        number = client.request(granian.path(action), {"run": run})
        assert client.read_frame(number) == b"data: 0\n\n"
        left_s = time.monotonic()
        if how == "reset the stream":
            client.reset(number)
        else:
            client.close()
        print_delay(granian, run, left_s)
        assert granian.notes(run) == ["started", "cancelled"]


def test_the_other_streams_of_a_connection_go_on(granian: Served, run: str) -> None:
    with Http2Client(granian.port) as client:
        given_up = client.request(granian.path("waits"), {"run": run})
        kept = client.request(granian.path("sends-at-a-pace"), {"run": f"{run} kept"})
        client.read_frame(given_up)
        client.reset(given_up)
        granian.wait_for_note(run, "cancelled")
        for _ in range(10):
            assert client.read_frame(kept) == b"data: 0\n\n"
        assert granian.notes(f"{run} kept") == ["started"]


def test_a_handler_whose_reader_has_stopped_is_cancelled(granian: Served, run: str) -> None:
    with Http2Client(granian.port) as client:
        # Nothing is read, so the windows of the stream and the connection run out.
        number = client.request(granian.path("flood-for-ever"), {"run": run})
        granian.wait_until_stalled(run)
        left_s = time.monotonic()
        client.reset(number)
        print_delay(granian, run, left_s)


def test_middleware_is_cancelled(granian: Served, run: str) -> None:
    with Http2Client(granian.port) as client:
        number = client.request(granian.path("slow-middleware"), {"run": run})
        granian.wait_for_note(run, "middleware")
        left_s = time.monotonic()
        client.reset(number)
        print_delay(granian, run, left_s)
        assert granian.notes(run) == ["middleware", "cancelled"]
