"""What dies, and what lives on: workers, the main process, whoever reads the log, the terminal."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from cli.commands import BOUND_S, PROGRAM, environment, read_until, run_command, serve
from server.processes import free_port
from streamactions.serve import supervisor

ACTIONS: Final = """
import asyncio
import logging
import os
import sys
from streamactions import define_middleware, define_stream_action

@define_stream_action
async def pid(stream):
    await stream.send({"pid": os.getpid()})

@define_stream_action
async def move(input, stream):
    for number in range(input["chunks"]):
        await stream.send({"number": number, "pid": os.getpid()})
        await asyncio.sleep(0.05)

def leave(how):
    if how == "interrupt":
        raise KeyboardInterrupt
    sys.exit(3)

async def leave_later(how):
    leave(how)

@define_stream_action
async def leaves(input, stream):
    await stream.send({"pid": os.getpid()})
    leave(input["how"])

@define_stream_action
async def generator_leaves(input):
    yield {"pid": os.getpid()}
    leave(input["how"])

@define_stream_action
async def task_leaves(input, stream):
    await stream.send({"pid": os.getpid()})
    await asyncio.create_task(leave_later(input["how"]))

@define_stream_action
async def group_leaves(input, stream):
    await stream.send({"pid": os.getpid()})
    async with asyncio.TaskGroup() as group:
        group.create_task(leave_later(input["how"]))

@define_stream_action
async def thread_leaves(input, stream):
    await stream.send({"pid": os.getpid()})
    await asyncio.to_thread(leave, input["how"])

@define_middleware
async def leaving(event):
    leave((await event.json())["how"])

@define_stream_action(middleware=[leaving])
async def middleware_leaves(stream):
    pass

def leave_at_once(error):
    leave(error.args[0])

@define_stream_action(handle_server_error=leave_at_once)
async def translation_leaves(input, stream):
    await stream.send({"pid": os.getpid()})
    raise ValueError(input["how"])

# Ends whole all the same: what leaves is nobody's.
@define_stream_action
async def callback_leaves(input, stream):
    loop = asyncio.get_running_loop()
    loop.call_soon(leave, input["how"])
    loop.call_later(0.01, leave, input["how"])
    kept = asyncio.create_task(leave_later(input["how"]))
    await asyncio.sleep(0.1)
    await stream.send({"pid": os.getpid()})

@define_stream_action
async def logs(stream):
    for number in range(100):
        logging.getLogger("app").error("x" * 2000)
    await stream.send({"pid": os.getpid()})

@define_stream_action
async def crash(stream):
    os._exit(5)
"""

MOVING_CHUNKS: Final = 60


@pytest.fixture
def actions(tmp_path: Path) -> Path:
    (tmp_path / "actions.py").write_text(ACTIONS)
    return tmp_path / "actions.py"


def call(url: str, action: str, input: Any = None) -> "subprocess.CompletedProcess[bytes]":
    return run_command("call", f"{url}/api/_actions/{action}", json.dumps(input or {}))


def pid_of_a_worker(url: str) -> int:
    """Asks until a worker answers."""
    bound_s = time.monotonic() + BOUND_S
    while (answer := call(url, "pid")).returncode:
        assert time.monotonic() < bound_s, answer.stderr
    pid: int = json.loads(answer.stdout)["pid"]
    return pid


def is_there(pid: int) -> bool:
    try:
        # One that has ended, and that nobody has waited for yet, is gone as well.
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pid: int) -> None:
    bound_s = time.monotonic() + BOUND_S
    while is_there(pid):
        assert time.monotonic() < bound_s, "it goes on"
        time.sleep(0.02)


@contextmanager
def moving(url: str, chunks: int = MOVING_CHUNKS) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A stream whose first chunk has come, and its worker."""
    with subprocess.Popen(
        [PROGRAM, "call", f"{url}/api/_actions/move", json.dumps({"chunks": chunks})],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(read_until(process.stdout.fileno(), b"}\n"))["pid"]
        finally:
            process.kill()


def check_whole(process: "subprocess.Popen[bytes]") -> None:
    output, errors = process.communicate(timeout=BOUND_S)
    assert (process.returncode, len(output.splitlines()), errors) == (0, MOVING_CHUNKS - 1, b"")


# --- What comes out of a handler -----------------------------------------------------------------


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_what_comes_out_of_a_handler_ends_no_worker(actions: Path, loop: str) -> None:
    told = {
        "leaves": b"STREAM_ERROR: Stream handler error\n",
        "generator-leaves": b"STREAM_ERROR: Stream handler error\n",
        "task-leaves": b"STREAM_ERROR: Stream handler error\n",
        "group-leaves": b"STREAM_ERROR: Stream handler error\n",
        "thread-leaves": b"STREAM_ERROR: Stream handler error\n",
        "middleware-leaves": b"INTERNAL_ERROR: An unexpected error occurred\n",
        "translation-leaves": b"STREAM_ERROR: Stream handler error\n",
        "callback-leaves": b"",
    }
    with serve(actions, "--loop", loop, clean_log=False) as served:
        worker = pid_of_a_worker(served.url)
        with moving(served.url) as (stream, _):
            for how in ("exit", "interrupt"):
                for action, errors in told.items():
                    assert call(served.url, action, {"how": how}).stderr == errors, (action, how)
            check_whole(stream)
        assert pid_of_a_worker(served.url) == worker
    assert served.log.lines_with("ExitAttemptError: SystemExit ends no worker")
    assert served.log.lines_with("ExitAttemptError: KeyboardInterrupt ends no worker")
    assert served.log.lines_with("a task outside of its call's handler raised SystemExit")
    assert not served.log.lines_with("has ended")


# --- A worker that dies --------------------------------------------------------------------------


def test_a_worker_that_dies_again_and_again_ends_no_other(actions: Path) -> None:
    with serve(actions, "--workers", "2") as served:
        with moving(served.url) as (stream, kept):
            for death in range(1, 4):
                other = pid_of_a_worker(served.url)
                while other == kept:
                    other = pid_of_a_worker(served.url)
                os.kill(other, signal.SIGKILL)
                served.log.wait_for("has ended (killed by SIGKILL)", death)
            check_whole(stream)
        assert is_there(kept)
    pauses = [line.rpartition("again in ")[2] for line in served.log.lines_with("has ended")]
    assert pauses == ["0 s", "0.5 s", "1 s"]


def test_the_pause_has_a_bound() -> None:
    class Dead:
        birth = time.monotonic()
        idx = 0

        class inner:  # noqa: N801
            exitcode = 1

    server: Any = object.__new__(supervisor.Supervisor)
    server.wrks, server._quick_deaths = [Dead()], {}
    pauses_s = [server._note_death(0) for _ in range(10)]
    assert pauses_s == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    server.wrks[0].birth -= supervisor.STEADY_WORKER_S
    assert server._note_death(0) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_where_no_worker_can_start_there_is_nothing_to_serve(tmp_path: Path, workers: str) -> None:
    (tmp_path / "app.py").write_text(
        "from fastapi import FastAPI\n"
        "def lifespan(app):\n    raise LookupError('no database')\n"
        "app = FastAPI(lifespan=lifespan)\n"
        "import multiprocessing\n"
        # The process that looks what there is to call shall find an app.
        "if multiprocessing.parent_process() is not None:\n    import sys; sys.exit(4)\n"
    )
    finished = run_command("serve", "app.py", "--port", "0", "--workers", workers, cwd=tmp_path)
    assert finished.returncode == 1
    assert b"no worker could start, so there is nothing to serve" in finished.stderr


@pytest.mark.parametrize("fault", ["raise LookupError('no database')", "import sys; sys.exit('no database')"])
def test_an_app_that_refuses_to_start_is_not_served(tmp_path: Path, fault: str) -> None:
    (tmp_path / "app.py").write_text(
        "from contextlib import asynccontextmanager\n"
        "from fastapi import FastAPI\n"
        "@asynccontextmanager\n"
        f"async def lifespan(app):\n    {fault}\n    yield\n"
        "app = FastAPI(lifespan=lifespan)\n"
    )
    finished = run_command("serve", "app.py", "--port", "0", cwd=tmp_path)
    assert finished.returncode == 1
    assert b"no worker could start" in finished.stderr


# --- The main process that dies ------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_whose_parent_is_gone_stop_by_themselves(actions: Path, workers: int) -> None:
    port = free_port()
    with run_unwatched(actions, "--port", str(port), "--workers", str(workers)) as (process, url):
        with moving(url) as (stream, worker):
            process.kill()
            process.wait(BOUND_S)
            check_whole(stream)
        wait_until_gone(worker)
        # The port is free for the next.
        with serve_on(actions, port) as next_url:
            assert pid_of_a_worker(next_url) != worker


def test_an_orphan_ends_at_the_limit(actions: Path) -> None:
    with (
        run_unwatched(actions, "--stop-timeout", "1") as (process, url),
        moving(url, 1_000_000) as (stream, worker),
    ):
        process.kill()
        _, errors = stream.communicate(timeout=BOUND_S)
        assert errors.startswith(b"SERVER_STOPPING:")
        wait_until_gone(worker)


# --- Whoever reads what is written ---------------------------------------------------------------


@pytest.mark.parametrize("closed", ["stderr", "stdout", "both"])
def test_a_stop_needs_nobody_who_reads(actions: Path, closed: str) -> None:
    with run_unwatched(actions) as (process, url), moving(url) as (stream, _):
        if closed in ("stderr", "both"):
            process.stderr.close()
        if closed in ("stdout", "both"):
            process.stdout.close()
        process.send_signal(signal.SIGTERM)
        check_whole(stream)
        assert process.wait(BOUND_S) == 0


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_a_server_needs_no_streams_to_write_to(actions: Path, closed: str) -> None:
    port = free_port()
    command = f'exec "$0" serve "$1" --port {port} {closed}'
    with subprocess.Popen(
        ["/bin/sh", "-c", command, PROGRAM, str(actions)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            pid_of_a_worker(url)
            with moving(url) as (stream, _):
                process.send_signal(signal.SIGTERM)
                check_whole(stream)
            assert process.wait(BOUND_S) == 0
        finally:
            process.kill()


def test_a_stop_waits_for_no_reader_that_has_stopped_to_read(actions: Path) -> None:
    with run_unwatched(actions) as (process, url), moving(url) as (stream, _):
        fill(process.stderr.fileno())
        process.send_signal(signal.SIGTERM)
        check_whole(stream)
        assert process.wait(BOUND_S) == 0


def test_no_stream_waits_for_the_log_to_be_read(actions: Path) -> None:
    with run_unwatched(actions) as (process, url):
        fill(process.stderr.fileno())
        assert call(url, "logs").returncode == 0
        # What is read again is told of what was lost.
        os.set_blocking(process.stderr.fileno(), False)
        process.stderr.read()
        assert call(url, "logs").returncode == 0
        assert b"lines of the log were lost" in process.stderr.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(BOUND_S) == 0


def fill(read_end: int) -> None:
    """Fill the pipe whose reading end this is, by way of its other end."""
    writer = os.open(f"/proc/self/fd/{read_end}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    finally:
        os.close(writer)


# --- SIGHUP --------------------------------------------------------------------------------------


def test_a_hangup_on_purpose_restarts_the_workers(actions: Path) -> None:
    with serve(actions, "--workers", "2") as served, moving(served.url, 200) as (stream, worker):
        before = {pid_of_a_worker(served.url) for _ in range(10)} | {worker}
        served.process.send_signal(signal.SIGHUP)
        for pid in before - {worker}:
            wait_until_gone(pid)
        # A stream of a worker that was replaced has its time to end.
        assert stream.wait(BOUND_S) == 0
        for pid in before:
            wait_until_gone(pid)
        assert pid_of_a_worker(served.url) not in before


def test_a_stop_does_not_wait_for_a_restart(actions: Path) -> None:
    with serve(actions, "--workers", "2", "--stop-timeout", "600") as served:
        worker = pid_of_a_worker(served.url)
        served.process.send_signal(signal.SIGHUP)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(BOUND_S) == 0
        assert not is_there(worker)


def test_signals_that_reach_other_threads_are_heard(actions: Path) -> None:
    """The system gives a second signal to any thread while the first is still on its way."""
    for _ in range(5):
        with run_unwatched(actions, "--workers", "2") as (process, url):
            pid_of_a_worker(url)
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert process.wait(BOUND_S) == 0


def test_a_signal_that_interrupts_the_handler_of_another_is_heard() -> None:
    """``threading.Event`` would wait for ever for its own lock."""
    wakeup = supervisor._Wakeup()
    left = iter(range(100))

    def hear(signum: int, frame: object) -> None:
        if next(left, None) is not None:
            signal.raise_signal(signum)
        wakeup.set()

    before = signal.signal(signal.SIGUSR1, hear)
    try:
        signal.raise_signal(signal.SIGUSR1)
        assert wakeup.wait(BOUND_S)
        wakeup.clear()
        assert not wakeup.is_set()
        assert not wakeup.wait(0)
    finally:
        signal.signal(signal.SIGUSR1, before)


def hang_up(terminal: int, process: "subprocess.Popen[Any]") -> None:
    """The terminal's window is closed."""
    os.close(terminal)


def hang_up_on_purpose(terminal: int, process: "subprocess.Popen[Any]") -> None:
    process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize(("hangup", "stops"), [(hang_up, True), (hang_up_on_purpose, False)])
def test_the_end_of_the_terminal_stops(
    actions: Path, hangup: Callable[[int, "subprocess.Popen[Any]"], None], stops: bool
) -> None:
    terminal, device = pty.openpty()
    process = subprocess.Popen(
        # The new session's first process takes the terminal as its own.
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys, termios\n"
            "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
            "os.execv(sys.argv[1], sys.argv[1:])",
            PROGRAM,
            "serve",
            str(actions),
            "--port",
            "0",
        ],
        stdin=device,
        stdout=subprocess.PIPE,
        stderr=device,
        env=environment(),
        start_new_session=True,
    )
    os.close(device)
    assert process.stdout is not None
    with process:
        try:
            url = read_until(process.stdout.fileno(), b"; ").decode().split()[1].rstrip(";")
            worker = pid_of_a_worker(url)
            hangup(terminal, process)
            wait_until_gone(worker)
            if stops:
                assert process.wait(BOUND_S) == 0
            else:
                assert pid_of_a_worker(url) != worker
                process.send_signal(signal.SIGTERM)
                assert process.wait(BOUND_S) == 0
                os.close(terminal)
        finally:
            process.kill()


def test_nohup_keeps_serving(actions: Path) -> None:
    with run_unwatched(actions, nohup=True) as (process, url):
        worker = pid_of_a_worker(url)
        process.send_signal(signal.SIGHUP)
        with moving(url) as (stream, _):
            check_whole(stream)
        assert pid_of_a_worker(url) == worker
        process.send_signal(signal.SIGTERM)
        assert process.wait(BOUND_S) == 0


@contextmanager
def run_unwatched(target: Path, *options: str, nohup: bool = False) -> Iterator[tuple[Any, str]]:
    """A server whose end the test itself decides on."""
    port = () if "--port" in options else ("--port", "0")
    with subprocess.Popen(
        [*(["nohup"] if nohup else []), PROGRAM, "serve", str(target), *port, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = read_until(process.stdout.fileno(), b"; ").decode().split()[1].rstrip(";")
            yield process, url
        finally:
            os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None


@contextmanager
def serve_on(target: Path, port: int) -> Iterator[str]:
    """A server on a port that may be taken for a moment still."""
    bound_s = time.monotonic() + BOUND_S
    while True:
        with subprocess.Popen(
            [PROGRAM, "serve", str(target), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            if process.stdout.readline():
                try:
                    yield f"http://127.0.0.1:{port}"
                finally:
                    process.terminate()
                return
        assert time.monotonic() < bound_s, "the port stays taken"
