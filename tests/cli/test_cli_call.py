"""``streamactions call`` against a server of which the test says every byte."""

import os
import pty
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from cli.commands import BOUND_S, PROGRAM, environment, read_until, run_command, serve
from cli.peer import DONE, HEAD, Peer, chunk, open_peer

COLUMNS: Final = "80"


@contextmanager
def calling(*arguments: str, **popen: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """The command, running."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
    with subprocess.Popen(
        [PROGRAM, "call", *arguments], env=environment({"COLUMNS": COLUMNS}), **streams
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def outcome(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, bytes]:
    output, errors = process.communicate(timeout=BOUND_S)
    return process.returncode, output, errors


def answer(peer: Peer, *frames: bytes) -> None:
    peer.receive()
    peer.send(HEAD + b"".join(frames))
    peer.close()


def test_text_appears_chunk_by_chunk_and_unbroken() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        assert process.stdout is not None
        peer.receive()
        peer.send(HEAD)
        for text in ("Hello", ", ", "wörld \U0001f600"):
            peer.send(chunk(f'{{"text":"{text}"}}'))
            # The next one is sent only when this one has been printed.
            assert read_until(process.stdout.fileno(), text.encode()) == text.encode()
        peer.send(DONE)
        peer.close()
        assert outcome(process) == (0, b"\n", b"")


def test_the_request_is_what_the_options_say() -> None:
    with open_peer() as peer:
        url = peer.url.removeprefix("http://")
        with calling(url, '{"a": [1, "ö"]}', "-H", "X-One: 1", "-H", "Authorization:Bearer t") as process:
            head, body = peer.receive()
            peer.send(HEAD + DONE)
            peer.close()
            assert outcome(process)[0] == 0
    assert head.startswith(b"POST /api/_actions/test HTTP/1.1\r\n")
    assert b"\r\nx-one: 1\r\n" in head.lower()
    assert b"\r\nauthorization: bearer t\r\n" in head.lower()
    assert body == '{"a":[1,"ö"]}'.encode()


def test_input_comes_from_the_standard_input_stream() -> None:
    with open_peer() as peer, calling(peer.url, "-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b'{"from": "stdin"}')
        process.stdin.close()
        process.stdin = None
        assert peer.receive()[1] == b'{"from":"stdin"}'
        peer.send(HEAD + DONE)
        peer.close()
        assert outcome(process)[0] == 0


def test_no_input_is_an_empty_object() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        assert peer.receive()[1] == b"{}"
        peer.send(HEAD + DONE)
        peer.close()
        assert outcome(process)[0] == 0


def test_get_sends_a_query() -> None:
    with open_peer() as peer, calling(peer.url, '{"city":"Oslo"}', "--method", "GET") as process:
        head, body = peer.receive()
        peer.send(HEAD + DONE)
        peer.close()
        assert outcome(process)[0] == 0
    assert head.startswith(b"GET /api/_actions/test?city=Oslo HTTP/1.1\r\n")
    assert body == b""


MIXED: Final = (
    chunk('{"text":"a"}'),
    chunk('{"text":"b","n":1}'),
    chunk('{"text":"c"}'),
    chunk('{"text":"d\\n"}'),
    chunk("[1,2.5,null]"),
    chunk('{"text":5}'),
    chunk('{"progress":50}'),
    DONE,
)


def test_other_chunks_are_lines_of_json() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        answer(peer, *MIXED)
        expected = b'a\n{"text":"b","n":1}\ncd\n[1,2.5,null]\n{"text":5}\n{"progress":50}\n'
        assert outcome(process) == (0, expected, b"")


def test_integers_are_whole_whatever_their_size() -> None:
    number = "123456789012345678901234567890"
    with open_peer() as peer, calling(peer.url, f'{{"n":{number}}}') as process:
        _, body = peer.receive()
        peer.send(HEAD + chunk(f'{{"n":{number}}}') + DONE)
        peer.close()
        assert outcome(process) == (0, f'{{"n":{number}}}\n'.encode(), b"")
    assert body == f'{{"n":{number}}}'.encode()


def test_raw_prints_every_chunk_as_a_line() -> None:
    with open_peer() as peer, calling(peer.url, "--raw") as process:
        answer(peer, *MIXED)
        code, output, _ = outcome(process)
    assert code == 0
    assert output.splitlines() == [
        b'{"text":"a"}',
        b'{"text":"b","n":1}',
        b'{"text":"c"}',
        b'{"text":"d\\n"}',
        b"[1,2.5,null]",
        b'{"text":5}',
        b'{"progress":50}',
    ]


def test_a_stream_that_fails_says_why() -> None:
    error = b'event: error\ndata: {"code":"BROKEN","message":"It broke","statusCode":500}\n\n'
    with open_peer() as peer, calling(peer.url) as process:
        answer(peer, chunk('{"text":"half"}'), error)
        assert outcome(process) == (1, b"half\n", b"BROKEN: It broke\n")


def test_field_errors_are_listed() -> None:
    error = (
        b'{"code":"VALIDATION_ERROR","message":"Input validation failed","statusCode":422,'
        b'"fieldErrors":{"a.b":["one","two"],"c":["three"]}}'
    )
    with open_peer() as peer, calling(peer.url) as process:
        answer(peer, b"event: error\ndata: ", error, b"\n\n")
        lines = b"VALIDATION_ERROR: Input validation failed\n  a.b: one\n  a.b: two\n  c: three\n"
        assert outcome(process) == (1, b"", lines)


def test_a_cut_stream_is_a_failure() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        answer(peer, chunk('{"text":"half"}'))
        code, output, errors = outcome(process)
    assert (code, output) == (1, b"half\n")
    assert errors.startswith(b"STREAM_INCOMPLETE: ")
    assert errors.count(b"\n") == 1


def test_a_timeout_is_a_failure() -> None:
    with open_peer() as peer, calling(peer.url, "--timeout", "0.2") as process:
        peer.receive()
        code, _, errors = outcome(process)
    assert code == 1
    assert errors.startswith(b"TIMEOUT_ERROR: ")


def test_a_server_that_is_not_there_is_a_failure() -> None:
    with open_peer() as peer:
        url = peer.url
    finished = run_command("call", url)
    assert finished.returncode == 1
    where = url.split("/")[2]
    expected = (
        f"CONNECTION_ERROR: nothing listens at {where}: start the server there with 'streamactions serve'"
    )
    assert finished.stderr.decode().startswith(expected)
    assert finished.stderr.count(b"\n") == 1


def accept_and_close(listener: socket.socket, times: int) -> None:
    for _ in range(times):
        listener.accept()[0].close()


def test_a_server_that_closes_without_an_answer_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        closing = threading.Thread(target=accept_and_close, args=(listener, 2))
        closing.start()
        finished = run_command("call", f"http://127.0.0.1:{port}/x")
        closing.join(BOUND_S)
    assert finished.returncode == 1
    assert finished.stderr.startswith(b"CONNECTION_ERROR: The server gave no answer")
    assert finished.stderr.count(b"\n") == 1


def test_an_action_whose_name_is_spelled_in_another_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "actions.py").write_text(
        "from streamactions import define_stream_action\n"
        "@define_stream_action\n"
        "async def chat_gen(stream): ...\n"
    )
    with serve(tmp_path / "actions.py") as served:
        finished = run_command("call", f"{served.url}/api/_actions/chat_gen")
    expected = b"NOT_FOUND: There is no action at this path: write chat-gen\n"
    assert (finished.returncode, finished.stderr) == (1, expected)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("http://127.0.0.1:1/x", "{prompt"), b"""write it like '{"prompt": "Hello"}'"""),
        (("http://127.0.0.1:1/x", "{}", "-H", "no colon"), b"write 'Name: value'"),
        (("http://127.0.0.1:1/x", "{}", "-H", "A B: value"), b"write 'Name: value'"),
        (("http://127.0.0.1:1/x", "{}", "-H", "\u00e9: value"), b"write 'Name: value'"),
        (("http://127.0.0.1:1/x", "{}", "-H", ": value"), b"write 'Name: value'"),
        (("http://127.0.0.1:1/x", "{}", "-H", "A: two\nlines"), b"write 'Name: value'"),
        (("http://127.0.0.1:1/x", "[]", "--method", "GET"), b"GET sends an object"),
        (("ftp://127.0.0.1/x",), b"not by ftp: write http://127.0.0.1/x or https://127.0.0.1/x"),
        (("ws://127.0.0.1/x",), b"not by ws: write http://127.0.0.1/x or https://127.0.0.1/x"),
        (
            ("http://",),
            b"names no server to call: write it like http://127.0.0.1:8000/api/_actions/my-action",
        ),
        (("http://h:port/x",), b"names no server to call: write it like http://127.0.0.1:8000/"),
        (("http://h:99999/x",), b"names no server to call: write it like http://127.0.0.1:8000/"),
        (("mailto:me",), b"names no server to call: write it like http://127.0.0.1:8000/"),
        (("/api/_actions/chat",), b"names no server to call: write it like http://127.0.0.1:8000/"),
        (("http://127.0.0.1:1/x", "{}", "--timeout", "0"), b"--timeout"),
        ((), b"Missing argument 'URL'"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(arguments: tuple[str, ...], hint: bytes) -> None:
    finished = run_command("call", *arguments)
    assert finished.returncode == 2
    assert hint in finished.stderr
    assert finished.stderr.count(b"Error: ") == 1
    assert b"Traceback" not in finished.stderr


def test_ctrl_c_aborts_the_request() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        assert process.stdout is not None
        peer.receive()
        peer.send(HEAD + chunk('{"text":"word"}'))
        read_until(process.stdout.fileno(), b"word")
        process.send_signal(signal.SIGINT)
        peer.wait_left()
        assert outcome(process) == (130, b"\n", b"")


def test_a_reader_of_the_output_may_leave() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        assert process.stdout is not None
        peer.receive()
        process.stdout.close()
        process.stdout = None
        peer.send(HEAD + chunk('{"text":"word"}'))
        peer.wait_left()
        code, _, errors = outcome(process)
    assert code == 1
    assert b"Traceback" not in errors


def frames_of_progress() -> list[bytes]:
    return [
        chunk(f'{{"progress":{percent},"fileName":"{name}"}}')
        for percent, name in ((50, "a\\u001b[31m.txt"), (100, "b.txt"))
    ]


def test_progress_is_a_bar_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    with open_peer() as peer, calling(peer.url, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        peer.receive()
        half, whole = frames_of_progress()
        peer.send(HEAD + half)
        drawn = read_until(ours, b".txt")
        assert b"[###############...............]  50%  a?[31m.txt" in drawn
        peer.send(whole + DONE)
        peer.close()
        drawn = read_until(ours, b"\n")
        assert b"[##############################] 100%  b.txt" in drawn
        assert process.wait(BOUND_S) == 0
    os.close(ours)
    assert b"progress" not in drawn


def test_an_error_starts_below_the_bar() -> None:
    ours, theirs = pty.openpty()
    error = b'event: error\ndata: {"code":"BROKEN","message":"It broke","statusCode":500}\n\n'
    with open_peer() as peer, calling(peer.url, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        answer(peer, frames_of_progress()[0], error)
        drawn = read_until(ours, b"It broke\r\n")
        assert process.wait(BOUND_S) == 1
    os.close(ours)
    assert b".txt\r\nBROKEN: It broke\r\n" in drawn


def test_a_line_of_json_takes_the_place_of_the_bar() -> None:
    ours, theirs = pty.openpty()
    with open_peer() as peer, calling(peer.url, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        answer(peer, frames_of_progress()[0], chunk('{"n":1}'), DONE)
        drawn = read_until(ours, b"\n")
        assert process.wait(BOUND_S) == 0
    os.close(ours)
    assert drawn.endswith(b'\r\x1b[K{"n":1}\r\n')


def test_progress_is_json_where_the_output_is_no_terminal() -> None:
    ours, theirs = pty.openpty()
    with open_peer() as peer, calling(peer.url, stderr=theirs) as process:
        os.close(theirs)
        answer(peer, *frames_of_progress(), DONE)
        drawn = read_until(ours, b"\n")
        assert process.stdout is not None
        assert process.stdout.read().count(b'{"progress":') == 2
        assert process.wait(BOUND_S) == 0
    os.close(ours)
    assert b"100%  b.txt" in drawn


def test_raw_shows_no_bar() -> None:
    ours, theirs = pty.openpty()
    with open_peer() as peer, calling(peer.url, "--raw", stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        answer(peer, frames_of_progress()[1], DONE)
        assert read_until(ours, b"\n") == b'{"progress":100,"fileName":"b.txt"}\r\n'
        assert process.wait(BOUND_S) == 0
    os.close(ours)


EVIL_JSON: Final = '"\\u001b[31m\\u001b]52;c;eA==\\u0007\\u009b2J\\r\\u007f\\u202eé\\tb\\nc"'
EVIL_SHOWN: Final = r"\x1b[31m\x1b]52;c;eA==\x07\x9b2J\r\x7f\u202eé"
EVIL_RAW: Final = "\x1b[31m\x1b]52;c;eA==\x07\x9b2J\r\x7f\u202eé\tb\nc"


def test_a_terminal_gets_no_control_character_of_the_server() -> None:
    ours, theirs = pty.openpty()
    with open_peer() as peer, calling(peer.url, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        answer(peer, chunk(f'{{"text":{EVIL_JSON}}}'), chunk(f'{{"a":{EVIL_JSON}}}'), DONE)
        drawn = read_until(ours, b"}\r\n").decode()
        assert process.wait(BOUND_S) == 0
    os.close(ours)
    # The terminal itself turns line feeds into two characters, and tabs may become blanks.
    text, json = drawn.replace("\r\n", "\n").rsplit("\n", 2)[:2]
    assert text.startswith(EVIL_SHOWN)
    assert text.endswith("b\nc")
    assert not set(drawn) & {"\x1b", "\x07", "\x9b", "\x7f", "\u202e"}
    assert orjson.loads(json) == {"a": EVIL_RAW}


def test_a_pipe_gets_every_text_as_it_is() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        answer(peer, chunk(f'{{"text":{EVIL_JSON}}}'), DONE)
        assert outcome(process) == (0, f"{EVIL_RAW}\n".encode(), b"")


def test_an_error_is_told_without_its_control_characters() -> None:
    field_errors = f"{{{EVIL_JSON}:[{EVIL_JSON}]}}"
    error = f'{{"code":{EVIL_JSON},"message":{EVIL_JSON},"statusCode":500,"fieldErrors":{field_errors}}}'
    with open_peer() as peer, calling(peer.url) as process:
        answer(peer, b"event: error\ndata: ", error.encode(), b"\n\n")
        code, _, errors = outcome(process)
    assert code == 1
    shown = EVIL_SHOWN + r"\tb\nc"
    assert errors.decode() == f"{shown}: {shown}\n  {shown}: {shown}\n"


def test_half_a_surrogate_pair_is_no_crash() -> None:
    with open_peer() as peer, calling(peer.url) as process:
        answer(peer, chunk('{"text":"\\ud800"}'), DONE)
        _, _, errors = outcome(process)
    assert b"Traceback" not in errors
