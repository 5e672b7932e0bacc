"""The same promises under other servers, and within apps of other frameworks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.actions.flow import FLOOD_CHUNKS
from server.actions.mounted import PREFIX_BELOW
from server.processes import GRANIAN, HYPERCORN, UVICORN, ServerKind, run_server
from server.raw_client import RawClient
from server.refused import refused, refused_in_stream
from server.served import DONE, Served, chunk_frame, error_frame
from server.test_flow import shake_hands

BELOW = PREFIX_BELOW + "/api/_actions"

HOSTS: dict[str, tuple[ServerKind, str, str]] = {
    "uvicorn": (UVICORN, "app:app", "/api/_actions"),
    "hypercorn": (HYPERCORN, "app:app", "/api/_actions"),
    "granian, fastapi": (GRANIAN, "mounted:fastapi_root", "/api/_actions"),
    "granian, below fastapi": (GRANIAN, "mounted:fastapi_below", BELOW),
    "uvicorn, below fastapi": (UVICORN, "mounted:fastapi_below", BELOW),
    "granian, below fastapi with middleware": (GRANIAN, "mounted:fastapi_stamped", BELOW),
    "uvicorn, below fastapi with middleware": (UVICORN, "mounted:fastapi_stamped", BELOW),
    "uvicorn, below starlette": (UVICORN, "mounted:starlette_below", BELOW),
}


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The test actions on one of the hosts."""
    kind, target, prefix = HOSTS[request.param]
    with run_server(kind, f"server.actions.{target}") as (port, log):
        served = Served(port, log, prefix=prefix)
        served.remember_tasks(kind.own_tasks)
        yield served
    served.check_log()


@pytest.fixture
def served(host: Served) -> Iterator[Served]:
    """The host, which has to be idle again after the test."""
    with host.test():
        yield host


def test_a_stream(served: Served) -> None:
    answer = served.call("echo", {"chunks": [{"text": "hello"}, "\u2028\r\n\x00"]})
    assert answer.status == 200
    assert answer.body == b'data: {"text":"hello"}\n\n' + b'data: "\xe2\x80\xa8\\r\\n\\u0000"\n\n' + DONE
    assert [value for name, value in answer.headers if name == "content-type"] == ["text/event-stream"]


def test_a_handler_that_raises(served: Served, run: str) -> None:
    answer = served.call("raises-later", {"run": run})
    assert answer.body == chunk_frame({"text": "sent"}) + error_frame(
        "STREAM_ERROR", "Stream handler error", 500
    )
    served.expect_logged_once(f"LookupError: secret {run}")


def test_refusals(served: Served) -> None:
    assert refused(served.call("order", {}, accept="*/*"))[1]["fieldErrors"] == {"user": ["Field required"]}
    assert refused_in_stream(served.call("order", {}))["statusCode"] == 422
    assert refused(served.call("order", body=b"{", accept="*/*"))[0] == 400
    assert refused(served.call("guarded", accept="*/*"))[0] == 401
    assert refused(served.call("nothing", accept="*/*"))[0] == 404
    assert refused(served.call("echo", body=b" " * 1024 * 1024 + b"1", accept="*/*"))[0] == 413


def test_another_method(served: Served) -> None:
    for action, method, allowed in (("echo", "PUT", "POST"), ("greet", "POST", "GET")):
        answer = served.call(action, method=method, accept="*/*")
        assert refused(answer)[0] == 405
        assert [value for name, value in answer.headers if name == "allow"] == [allowed]


def test_a_large_body_is_refused_by_its_length(served: Served) -> None:
    with RawClient(served.port) as client:
        head = f"POST {served.path('echo')} HTTP/1.1\r\nhost: test\r\ncontent-length: 9999999\r\n\r\n"
        client.send(head.encode())
        assert client.read_head().status == 413


@pytest.mark.parametrize("action", ["waits", "sends-at-a-pace", "sends-without-pause", "computes"])
def test_the_handler_of_a_client_that_leaves_is_cancelled(served: Served, run: str, action: str) -> None:
    with served.open(action, {"run": run}) as client:
        assert client.read_frame() == b"data: 0\n\n"
    served.wait_for_note(run, "cancelled")
    assert served.notes(run) == ["started", "cancelled"]


def test_the_handler_of_a_reader_that_stops_and_leaves_is_cancelled(served: Served, run: str) -> None:
    with served.open("flood-for-ever", {"run": run}, receive_buffer_bytes=8192) as client:
        served.wait_until_stalled(run)
        client.reset()
    served.wait_for_note(run, "cancelled")


def test_middleware_of_a_client_that_leaves_is_cancelled(served: Served, run: str) -> None:
    with RawClient(served.port) as client:
        client.request(served.path("slow-middleware"), {"run": run})
        served.wait_for_note(run, "middleware")
    served.wait_for_note(run, "cancelled")
    assert served.notes(run) == ["middleware", "cancelled"]


def test_a_handler_may_go_on(served: Served, run: str) -> None:
    served.open("goes-on", {"run": run}).close()
    served.wait_for_note(run, "finished")
    assert served.wait_for_note(run, "left")["gone"]


def test_a_handler_may_go_on_after_close(served: Served, run: str) -> None:
    with served.open("works-after-close", {"run": run}) as client:
        assert client.read_body() == DONE
        served.wait_for_note(run, "written")
        served.say(run, "go")
        served.wait_for_note(run, "finished")


def test_a_slow_reader_gets_everything(served: Served, run: str) -> None:
    with served.open("flood", {"run": run}, receive_buffer_bytes=8192) as client:
        served.wait_until_stalled(run)
        for i in range(FLOOD_CHUNKS):
            assert json.loads(client.read_frame()[6:])[0] == i
        assert client.read_body() == DONE


def test_a_greedy_handler_does_not_starve_the_others(served: Served, run: str) -> None:
    with served.open("computes", {"run": run}) as client:
        client.read_frame()
        assert served.call("generates").chunks() == [0, 1, 2]
    served.wait_for_note(run, "cancelled")


def test_a_lone_token_is_never_held_back(served: Served, tmp_path: Path) -> None:
    shake_hands(served, tmp_path, tokens=1, pause_s=0.01)


def test_keep_alives_come_in_a_silence(served: Served, run: str) -> None:
    with served.open("quiet", {"run": run}) as client:
        assert client.read_frame() == b": keep-alive\n\n"
