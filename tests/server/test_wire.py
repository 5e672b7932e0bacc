"""The wire, byte for byte, as a raw socket receives it from Granian."""

from typing import Any

import pytest

from server.raw_client import RawClient
from server.served import DONE, Served, chunk_frame
from streamactions.app.application import DEFAULT_KEEP_ALIVE_S

KEEP_ALIVE = b": keep-alive\n\n"

OF_THE_SERVER = {"date", "server", "transfer-encoding"}


def test_a_stream_is_its_chunks_and_done(granian: Served) -> None:
    answer = granian.call("echo", {"chunks": [{"text": "hello"}, {"text": "world"}]})
    assert answer.status == 200
    assert answer.body == (b'data: {"text":"hello"}\n\ndata: {"text":"world"}\n\nevent: done\ndata: {}\n\n')


def test_the_head_of_a_stream(granian: Served) -> None:
    answer = granian.call("echo", {"chunks": []})
    assert sorted(header for header in answer.headers if header[0] not in OF_THE_SERVER) == [
        ("cache-control", "no-cache, no-transform"),
        ("content-type", "text/event-stream"),
        ("x-accel-buffering", "no"),
    ]


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "application/json", None])
def test_a_stream_that_opens_is_an_event_stream_whatever_is_accepted(
    granian: Served, accept: str | None
) -> None:
    answer = granian.call("echo", {"chunks": [1]}, accept=accept)
    assert (answer.status, answer.body) == (200, chunk_frame(1) + DONE)


def test_an_error_ends_the_stream(granian: Served) -> None:
    error = {"code": "RATE_LIMITED", "message": "Too many requests", "status_code": 429}
    answer = granian.call("refuse", {"chunks": [1], "error": error})
    assert answer.status == 200
    assert answer.body == (
        b"data: 1\n\n"
        b'event: error\ndata: {"code":"RATE_LIMITED","message":"Too many requests","statusCode":429}\n\n'
    )


def test_an_error_with_field_errors(granian: Served) -> None:
    error = {"code": "BAD", "message": "No", "field_errors": {"a.b": ["one", "two"], "c": []}}
    answer = granian.call("refuse", {"error": error})
    assert answer.body == (
        b'event: error\ndata: {"code":"BAD","message":"No","statusCode":400,'
        b'"fieldErrors":{"a.b":["one","two"],"c":[]}}\n\n'
    )


def test_the_dialect_nuxt_actions(granian: Served) -> None:
    assert granian.call("nuxt-echo", {"chunks": [{"text": "hello"}]}).body == (
        b'data: {"text":"hello"}\n\ndata: {"__actions_done":true}\n\n'
    )


def test_an_error_in_the_dialect_nuxt_actions(granian: Served) -> None:
    error = {"code": "BAD", "message": "No", "status_code": 429, "field_errors": {"a": ["b"]}}
    assert granian.call("nuxt-refuse", {"error": error}).body == (
        b'data: {"__actions_error":{"code":"BAD","message":"No","statusCode":429,'
        b'"fieldErrors":{"a":["b"]}}}\n\n'
    )


def test_a_refused_call_speaks_the_dialect_of_its_action(granian: Served) -> None:
    assert granian.call("nuxt-echo", body=b"{").body.startswith(
        b'data: {"__actions_error":{"code":"INVALID_JSON",'
    )


NASTY = [
    "line\nline\n\nline",
    "line\r\nline\r\n\r\n",
    "\rdata: {}\r\revent: done\r",
    "event: done\ndata: {}\n\n",
    "emoji \N{GRINNING FACE} \N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    "\u2028 and \u2029 and \x85 and \x0b and \x0c",
    "NUL \x00 and BOM \ufeff and \x1f \x7f",
    "</script><!-- ]]> &amp; \" ' \\ \\n",
    "",
    " leading and trailing ",
]


@pytest.mark.parametrize("text", [*NASTY, "".join(NASTY)])
@pytest.mark.parametrize("action", ["echo", "nuxt-echo"])
def test_no_text_breaks_its_frame(granian: Served, action: str, text: str) -> None:
    answer = granian.call(action, {"chunks": [{"text": text}, text, {text: 1}]})
    assert answer.body.count(b"\n\n") == 4
    assert b"\r" not in answer.body
    assert b"\x00" not in answer.body
    assert [event.json() for event in answer.events()[:3]] == [{"text": text}, text, {text: 1}]


@pytest.mark.parametrize("text", NASTY)
def test_no_error_breaks_its_frame(granian: Served, text: str) -> None:
    error = {"code": f"C{text}", "message": text, "field_errors": {text: [text]}}
    [event] = granian.call("refuse", {"error": error}).events()
    assert event.event == "error"
    assert event.json() == {
        "code": f"C{text}",
        "message": text,
        "statusCode": 400,
        "fieldErrors": {text: [text]},
    }


def test_a_large_chunk_comes_whole(granian: Served) -> None:
    chunk = {"text": "0123456789" * 100_000}
    [come, _] = granian.call("echo", {"chunks": [chunk]}).events()
    assert come.json() == chunk


def test_a_connection_is_used_again(granian: Served) -> None:
    with RawClient(granian.port) as client:
        for i in range(3):
            client.request(granian.path("echo"), {"chunks": [i]})
            assert client.read_body() == chunk_frame(i) + DONE


def read_past_keep_alives(client: RawClient) -> bytes:
    """The next frame that is none; there cannot be many between."""
    frames = (client.read_frame() for _ in range(100))
    return next(frame for frame in frames if frame != KEEP_ALIVE)


def test_keep_alives_come_in_a_silence(granian: Served, run: str) -> None:
    with granian.open("quiet", {"run": run}) as client:
        # Long after the action's own pause, and well before the default one.
        for _ in range(2):
            assert client.read_frame(within_s=DEFAULT_KEEP_ALIVE_S / 2) == KEEP_ALIVE
        granian.say(run, "go")
        assert read_past_keep_alives(client) == chunk_frame("first")
        assert client.read_frame() == KEEP_ALIVE
        granian.say(run, "go on")
        assert read_past_keep_alives(client) == chunk_frame("last")
        assert client.read_body() == DONE


def test_no_keep_alive_comes_while_frames_flow(granian: Served) -> None:
    frames = granian.call("busy").body.split(b"\n\n")
    *_, report, done, end = frames
    assert (done + b"\n\n", end) == (DONE, b"")
    assert report.startswith(b'data: {"silences":')
    # On a machine with time to spare there was none, and so there is no keep-alive.
    assert frames.count(KEEP_ALIVE[:-2]) <= int(report[18:-1])


def test_an_app_has_options_of_its_own(options_server: Served, run: str) -> None:
    assert (
        options_server.call("echo", {"chunks": [1]}).body == b'data: 1\n\ndata: {"__actions_done":true}\n\n'
    )
    with options_server.open("note", {"run": run, "what": "go"}) as client:
        assert client.read_frame(within_s=DEFAULT_KEEP_ALIVE_S / 2) == KEEP_ALIVE


def test_a_refusal_without_an_action_speaks_the_dialect_of_the_app(options_server: Served) -> None:
    assert options_server.call("nothing").body.startswith(b'data: {"__actions_error":{"code":"NOT_FOUND",')


def test_an_app_has_a_bound_of_its_own(options_server: Served) -> None:
    def answer(body_bytes: int) -> Any:
        padding = body_bytes - len(b'{"chunks":[""]}')
        body = b'{"chunks":["%b"]}' % (b"x" * padding)
        return options_server.call("echo", body=body, accept=None).status

    assert [answer(1000), answer(1001)] == [200, 413]


def test_a_get_action_reads_its_query(granian: Served) -> None:
    with RawClient(granian.port) as client:
        client.send(b"GET %b?a=1&b=x%%20y&c= HTTP/1.1\r\nhost: test\r\n\r\n" % granian.path("greet").encode())
        assert client.read_body() == chunk_frame({"a": "1", "b": "x y", "c": ""}) + DONE


def test_a_name_may_be_a_path(granian: Served) -> None:
    assert granian.call("v1/deep_name").body == chunk_frame("deep") + DONE
