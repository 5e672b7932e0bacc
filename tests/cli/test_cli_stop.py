"""How ``streamactions serve`` stops: open streams may end, within a bound, unless it is pressed."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from cli.commands import BOUND_S, PROGRAM, Served, environment, read_until, run_command, serve
from server.raw_client import RawClient

ACTIONS: Final = """
import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from streamactions import StreamActions, define_middleware, define_stream_action

def say(*words):
    print(*words, flush=True)

@define_stream_action
async def short(stream):
    await stream.send(1)

@define_stream_action
async def wait_for_line(input, stream):
    await stream.send({"text": "open "})
    await stream.send({"text": await asyncio.to_thread(Path(input["fifo"]).read_text)})

@define_stream_action
async def wait_for_ever(stream):
    await stream.send({"text": "open "})
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.1)
        say("cleaned up wait-for-ever")

@define_stream_action
async def swallow(stream):
    await stream.send({"text": "open "})
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    say("cleaned up swallow")

@define_stream_action
async def close_at_last(stream):
    await stream.send({"text": "open "})
    try:
        await asyncio.Event().wait()
    finally:
        await stream.close()
        say("cleaned up close-at-last")

@define_stream_action
async def block(input, stream):
    await stream.send({"text": "open "})
    say("blocking")
    time.sleep(input["seconds"])

async def translate_slowly(error):
    try:
        say("translating")
        await asyncio.sleep(9)
    finally:
        say("cleaned up translate")

@define_middleware
async def broken():
    raise ValueError

@define_stream_action(middleware=[broken], handle_server_error=translate_slowly)
async def translate(stream):
    pass

@define_stream_action
async def never_end(stream):
    await stream.send({"text": "open "})
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

@define_stream_action
async def flood(input, stream):
    for number in range(input["chunks"]):
        await stream.send({"pad": "x" * 10_000})
        if number == 10:
            say("flooding")
    say("flooded")

@define_middleware
async def stuck(next):
    try:
        say("open in middleware")
        await asyncio.Event().wait()
    finally:
        say("cleaned up wait-in-middleware")

@define_stream_action(middleware=[stuck])
async def wait_in_middleware(stream):
    pass

async def count(input, stream):
    await stream.send({"text": "open "})
    for number in range(input["chunks"]):
        await stream.send({"number": number, "pid": os.getpid()})
        await asyncio.sleep(0.05)

@define_stream_action
async def move(input, stream):
    try:
        await count(input, stream)
    finally:
        say("cleaned up")

@define_stream_action(on_disconnect="continue")
async def go_on(input, stream, event):
    end = "cut"
    try:
        await stream.send({"text": "open "})
        while not await event.is_disconnected():
            await asyncio.sleep(0.02)
        say("nobody reads")
        await count(input, stream)
        end = "whole"
    finally:
        say("cleaned up go-on,", end)

class App(StreamActions):
    async def __call__(self, scope, receive, send):
        await super().__call__(scope, receive, send)
        if scope["type"] == "lifespan":
            say("the app has ended")

app = App([
    short, wait_for_line, wait_for_ever, swallow, never_end, wait_in_middleware, move, go_on,
    flood, close_at_last, block, translate
])
"""

MOUNTED: Final = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from actions import app as streams

@asynccontextmanager
async def lifespan(app):
    yield
    print("the app has ended", flush=True)

app = FastAPI(lifespan=lifespan)
app.mount("/", streams)
"""

WRAPPED: Final = """
import atexit
from actions import app as streams

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("this app takes no lifespan")
    await streams(scope, receive, send)

import multiprocessing.util
multiprocessing.util.Finalize(None, print, ("the app has ended",), {"flush": True}, exitpriority=0)
"""


@pytest.fixture
def actions(tmp_path: Path) -> Path:
    for name, text in {"actions": ACTIONS, "mounted": MOUNTED, "wrapped": WRAPPED}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path / "actions.py"


@contextmanager
def open_stream(served: Served, name: str, json: str = "{}") -> Iterator["subprocess.Popen[bytes]"]:
    """A call whose first chunk has come."""
    with subprocess.Popen(
        [PROGRAM, "call", f"{served.url}/api/_actions/{name}", json],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as call:
        try:
            assert call.stdout is not None
            read_until(call.stdout.fileno(), b"open ")
            yield call
        finally:
            call.kill()


def read_chunks(call: "subprocess.Popen[bytes]") -> list[Any]:
    """The first chunk."""
    assert call.stdout is not None
    return [json.loads(read_until(call.stdout.fileno(), b"}\n"))]


@contextmanager
def calls(served: Served, name: str, count: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Calls that have begun: their streams are open, or they are in their middleware."""
    with ExitStack() as stack:
        sign = {"wait-in-middleware": "open in middleware", "translate": "translating"}.get(name)
        if sign is None:
            yield [stack.enter_context(open_stream(served, name)) for _ in range(count)]
            return
        started = []
        for _ in range(count):
            call = subprocess.Popen(
                [PROGRAM, "call", f"{served.url}/api/_actions/{name}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
            )
            started.append(stack.enter_context(call))
            stack.callback(call.kill)
        served.output.wait_for(sign, count)
        yield started


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_lets_an_open_stream_end(actions: Path, tmp_path: Path, workers: str) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with (
        serve(actions, "--workers", workers, "--stop-timeout", "600") as served,
        open_stream(served, "wait-for-line", f'{{"fifo":"{fifo}"}}') as call,
    ):
        served.process.send_signal(signal.SIGTERM)
        served.log.wait_for("Stopping: open streams have 600 s to end")
        fifo.write_text("and done")
        output, errors = call.communicate(timeout=BOUND_S)
        assert (call.returncode, output, errors) == (0, b"and done\n", b"")
        assert served.process.wait(BOUND_S) == 0


def test_a_stopping_server_takes_no_new_calls(actions: Path) -> None:
    with (
        serve(actions, "--stop-timeout", "600") as served,
        open_stream(served, "wait-for-ever"),
    ):
        served.process.send_signal(signal.SIGTERM)
        served.log.wait_for("Stopping: ")
        url = f"{served.url}/api/_actions/nothing"
        while b"NOT_FOUND" in (errors := run_command("call", url).stderr):
            pass
        assert errors.startswith(b"CONNECTION_ERROR: ")
        press_until_it_ends(served)


# Enough for the worst of what was seen: a worker that froze 0.5 s after the first signal.
MOVING_CHUNKS: Final = 60


def terminate(served: Served, worker: int) -> None:
    served.process.terminate()


def terminate_all(served: Served, worker: int) -> None:
    """As systemd does by default (``KillMode=control-group``)."""
    os.killpg(served.process.pid, signal.SIGTERM)


def interrupt_all(served: Served, worker: int) -> None:
    """As a terminal does at Ctrl-C."""
    os.killpg(served.process.pid, signal.SIGINT)


def interrupt_twice(served: Served, worker: int) -> None:
    """As a terminal and a program around the server do, each for itself."""
    os.killpg(served.process.pid, signal.SIGINT)
    served.process.send_signal(signal.SIGINT)


def tell_everyone_everything(served: Served, worker: int) -> None:
    for _ in range(5):
        os.killpg(served.process.pid, signal.SIGTERM)
        os.kill(worker, signal.SIGTERM)
    os.kill(worker, signal.SIGINT)


@pytest.mark.parametrize(("loop", "workers"), [("uvloop", "2"), ("asyncio", "1")])
@pytest.mark.parametrize(
    "stop", [terminate, terminate_all, interrupt_all, interrupt_twice, tell_everyone_everything]
)
def test_an_open_stream_goes_on_whoever_is_told_how_often(
    actions: Path, stop: Callable[[Served, int], None], workers: str, loop: str
) -> None:
    with (
        serve(actions, "--workers", workers, "--loop", loop) as served,
        open_stream(served, "move", f'{{"chunks":{MOVING_CHUNKS}}}') as call,
    ):
        begin = read_chunks(call)
        stop(served, begin[0]["pid"])
        served.log.wait_for("Stopping: open streams have 30 s to end")
        output, errors = call.communicate(timeout=BOUND_S)
        numbers = [chunk["number"] for chunk in begin + [json.loads(line) for line in output.splitlines()]]
        assert (call.returncode, numbers, errors) == (0, list(range(MOVING_CHUNKS)), b"")
        assert served.process.wait(BOUND_S) == 0
    assert served.output.lines_with("cleaned up")
    assert not served.log.lines_with("kill")


def test_a_worker_that_alone_is_told_lets_its_streams_end_and_is_replaced(actions: Path) -> None:
    with (
        serve(actions) as served,
        open_stream(served, "move", f'{{"chunks":{MOVING_CHUNKS}}}') as call,
    ):
        begin = read_chunks(call)
        os.kill(begin[0]["pid"], signal.SIGTERM)
        output, errors = call.communicate(timeout=BOUND_S)
        assert (call.returncode, errors) == (0, b"")
        assert len(begin) + len(output.splitlines()) == MOVING_CHUNKS
        served.log.wait_for("worker-1 has ended (exit code 0)")
        while run_command("call", f"{served.url}/api/_actions/short").returncode:
            pass


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "name", ["wait-for-ever", "swallow", "close-at-last", "wait-in-middleware", "translate"]
)
def test_what_does_not_end_in_time_is_told_why(actions: Path, stop: signal.Signals, name: str) -> None:
    is_failing = name == "translate"
    with (
        serve(actions, "--stop-timeout", "2", clean_log=not is_failing) as served,
        calls(served, name, count=3) as started,
    ):
        served.process.send_signal(stop)
        for call in started:
            _, errors = call.communicate(timeout=BOUND_S)
            assert (call.returncode, errors[:16]) == (1, b"SERVER_STOPPING:")
        assert served.process.wait(BOUND_S) == 0
    assert served.log.lines_with("have not ended in time, and are told SERVER_STOPPING: 3")
    assert len(served.output.lines_with(f"cleaned up {name}")) == 3
    assert not served.log.lines_with("killed")


def test_what_goes_on_all_the_same_is_cut_at_the_limit(actions: Path) -> None:
    with serve(actions, "--stop-timeout", "1") as served, open_stream(served, "never-end") as call:
        served.process.terminate()
        _, errors = call.communicate(timeout=BOUND_S)
        # The stream is ended for a handler that does not.
        assert (call.returncode, errors[:16]) == (1, b"SERVER_STOPPING:")
        assert served.process.wait(BOUND_S) == 0
    assert served.log.lines_with("calls whose handler or reader comes to no end, and that are cut: 1")
    assert not served.log.lines_with("killed")
    # The app was told of its end before.
    assert served.output.lines_with("the app has ended")


HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


def test_a_worker_that_does_not_end_is_killed_at_the_limit(actions: Path) -> None:
    with (
        serve(actions, "--stop-timeout", "1") as served,
        open_stream(served, "block", '{"seconds":600}') as call,
    ):
        served.output.wait_for("blocking")
        served.process.terminate()
        _, errors = call.communicate(timeout=BOUND_S)
        assert errors.startswith(b"STREAM_INCOMPLETE:")
        assert served.process.wait(BOUND_S) == 0
    assert len(served.log.lines_with("worker-1 did not end in time, and is killed")) == 1


def test_the_time_counts_while_a_handler_blocks_the_loop(actions: Path) -> None:
    with (
        serve(actions, "--stop-timeout", "2") as served,
        open_stream(served, "wait-for-ever") as call,
        open_stream(served, "block", '{"seconds":1.5}'),
    ):
        served.output.wait_for("blocking")
        served.process.terminate()
        _, errors = call.communicate(timeout=BOUND_S)
        assert errors.startswith(b"SERVER_STOPPING:")
        assert served.process.wait(BOUND_S) == 0
    assert not served.log.lines_with("killed")


@pytest.mark.parametrize("last", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_no_signal_spoils_the_end(actions: Path, last: signal.Signals) -> None:
    with serve(actions) as served:
        served.process.terminate()
        while served.process.poll() is None:
            served.process.send_signal(last)
            time.sleep(0.001)
        assert served.process.returncode == 0


@pytest.mark.parametrize("said", [b"", b"POST /api/_actions/short HTTP/1.1\r\nHost: a\r\n", HTTP2_PREFACE])
def test_a_connection_that_asks_for_nothing_does_not_hold_a_stop_up(actions: Path, said: bytes) -> None:
    with serve(actions, "--stop-timeout", "600") as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as silent:
            silent.sendall(said)
            served.process.terminate()
            assert served.process.wait(BOUND_S) == 0
    assert served.output.lines_with("the app has ended")


def test_a_reader_that_does_not_read_does_not_keep_the_app_from_its_end(actions: Path) -> None:
    with (
        serve(actions, "--stop-timeout", "1") as served,
        RawClient(int(served.url.rpartition(":")[2]), receive_buffer_bytes=1024) as stopped,
    ):
        stopped.request("/api/_actions/flood", {"chunks": 1_000_000})
        served.output.wait_for("flooding")
        served.process.terminate()
        assert served.process.wait(BOUND_S) == 0
    assert served.output.lines_with("the app has ended")


def test_a_slow_reader_gets_what_is_left_of_its_stream(actions: Path) -> None:
    with (
        serve(actions, "--stop-timeout", "600") as served,
        RawClient(int(served.url.rpartition(":")[2]), receive_buffer_bytes=1024) as slow,
    ):
        # As much as is buffered between the two: the handler ends, and its reader has read nothing.
        slow.request("/api/_actions/flood", {"chunks": 15})
        served.output.wait_for("flooded")
        served.process.terminate()
        served.log.wait_for("Stopping: ")
        assert slow.read_body().endswith(b"event: done\ndata: {}\n\n")
        assert served.process.wait(BOUND_S) == 0


@pytest.mark.parametrize("target", ["actions.py", "mounted.py", "wrapped.py"])
@pytest.mark.parametrize(
    ("chunks", "stop_timeout_s", "end"), [(MOVING_CHUNKS, "30", "whole"), (100_000, "2", "cut")]
)
def test_a_run_without_a_client_is_waited_for(
    actions: Path, target: str, chunks: int, stop_timeout_s: str, end: str
) -> None:
    with serve(actions.parent / target, "--stop-timeout", stop_timeout_s) as served:
        with open_stream(served, "go-on", f'{{"chunks":{chunks}}}'):
            pass
        served.output.wait_for("nobody reads")
        served.process.terminate()
        assert served.process.wait(BOUND_S) == 0
    assert served.output.lines_with(f"cleaned up go-on, {end}")
    text = served.output.text()
    assert text.index("cleaned up go-on") < text.index("the app has ended")


def test_a_second_ctrl_c_cuts_open_streams(actions: Path) -> None:
    with (
        serve(actions, "--stop-timeout", "600") as served,
        open_stream(served, "wait-for-ever") as call,
    ):
        # As a terminal does, to every process of the command.
        os.killpg(served.process.pid, signal.SIGINT)
        served.log.wait_for("Stopping: ")
        press_until_it_ends(served)
        assert call.wait(BOUND_S) == 1
        assert call.stderr is not None
        assert call.stderr.read().startswith(b"SERVER_STOPPING:")
    assert served.output.lines_with("cleaned up wait-for-ever")


def test_a_second_ctrl_c_does_not_wait_for_what_goes_on(actions: Path) -> None:
    with serve(actions, "--stop-timeout", "600") as served, open_stream(served, "never-end") as call:
        served.process.terminate()
        served.log.wait_for("Stopping: ")
        press_until_it_ends(served)
        assert call.wait(BOUND_S) == 1


def press_until_it_ends(served: Served) -> None:
    """Ctrl-C, as somebody presses it who has lost patience."""
    for _ in range(int(BOUND_S / PRESS_INTERVAL_S)):
        os.killpg(served.process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            assert served.process.wait(PRESS_INTERVAL_S) == 0
            return
    pytest.fail("it does not end")


PRESS_INTERVAL_S: Final = 0.2

LOSES_ITS_FIRST_SIGNAL: Final = """
import uvloop

add_signal_handler = uvloop.Loop.add_signal_handler

def lose_the_first(self, number, callback, *arguments):
    heard = []

    def handle():
        if heard:
            callback(*arguments)
        else:
            heard.append(number)
            print("lost one", flush=True)

    add_signal_handler(self, number, handle)

uvloop.Loop.add_signal_handler = lose_the_first
"""


def test_a_worker_that_loses_a_signal_stops_all_the_same(actions: Path) -> None:
    with actions.open("a") as file:
        file.write(LOSES_ITS_FIRST_SIGNAL)
    with serve(actions, "--stop-timeout", "600") as served:
        served.process.send_signal(signal.SIGTERM)
        served.output.wait_for("lost one")
        assert served.process.wait(BOUND_S) == 0
