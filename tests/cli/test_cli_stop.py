"""How ``streamactions serve`` stops: open streams may end, within a bound, unless it is pressed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from cli.commands import BOUND_S, PROGRAM, Served, environment, read_until, run_command, serve

ACTIONS: Final = """
import asyncio
from pathlib import Path
from streamactions import define_stream_action

@define_stream_action
async def wait_for_line(input, stream):
    await stream.send({"text": "open "})
    await stream.send({"text": await asyncio.to_thread(Path(input["fifo"]).read_text)})

@define_stream_action
async def wait_for_ever(stream):
    await stream.send({"text": "open "})
    await asyncio.Event().wait()
"""


@pytest.fixture
def actions(tmp_path: Path) -> Path:
    (tmp_path / "actions.py").write_text(ACTIONS)
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
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(BOUND_S) == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_wait_has_a_bound(actions: Path, stop: signal.Signals) -> None:
    with (
        serve(actions, "--stop-timeout", "1") as served,
        open_stream(served, "wait-for-ever") as call,
    ):
        served.process.send_signal(stop)
        output, errors = call.communicate(timeout=BOUND_S)
        assert (call.returncode, output, errors[:18]) == (1, b"\n", b"STREAM_INCOMPLETE:")
        assert served.process.wait(BOUND_S) == 0


def test_a_second_ctrl_c_cuts_open_streams(actions: Path) -> None:
    with (
        serve(actions, "--stop-timeout", "600") as served,
        open_stream(served, "wait-for-ever") as call,
    ):
        # As a terminal does, to every process of the command.
        os.killpg(served.process.pid, signal.SIGINT)
        served.log.wait_for("Stopping: ")
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.process.wait(BOUND_S) == 0
        assert call.wait(BOUND_S) == 1


LOSES_ITS_FIRST_SIGNAL: Final = """
import granian._signals

set_loop_signals = granian._signals.set_loop_signals

class Forgetful:
    def __init__(self, loop):
        self.loop = loop

    def add_signal_handler(self, number, callback, *arguments):
        heard = []

        def handle():
            if heard:
                callback(*arguments)
            else:
                heard.append(number)
                print("lost one", flush=True)

        self.loop.add_signal_handler(number, handle)

granian._signals.set_loop_signals = lambda loop: set_loop_signals(Forgetful(loop))
"""


def test_a_worker_that_loses_a_signal_stops_all_the_same(actions: Path) -> None:
    with actions.open("a") as file:
        file.write(LOSES_ITS_FIRST_SIGNAL)
    with serve(actions, "--stop-timeout", "600") as served:
        served.process.send_signal(signal.SIGTERM)
        served.output.wait_for("lost one")
        assert served.process.wait(BOUND_S) == 0
