"""The command as a user runs it: in a process of its own, with real pipes and terminals."""

import os
import re
import select
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from server.processes import Log

__all__ = ["BOUND_S", "PROGRAM", "Served", "environment", "read_until", "run_command", "serve"]

BOUND_S: Final = 60.0
"""Turns a hang into a failure."""

PROGRAM: Final = str(Path(sys.executable).parent / "streamactions")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's variables without those that change what the examples do."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "FILES_ROOT", "API_TOKENS", "PYTHONUNBUFFERED"))
    }
    # So Python says what was never closed and never awaited. Its development mode would also say
    # what was slow, which depends on the machine.
    return {**kept, "PYTHONWARNINGS": "default", **(extra or {})}


def run_command(
    *arguments: str, input: bytes = b"", cwd: Path | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run ``streamactions`` with these arguments to its end."""
    return subprocess.run(
        [PROGRAM, *arguments],
        input=input,
        capture_output=True,
        env=environment(),
        cwd=cwd,
        timeout=BOUND_S,
        check=False,
    )


def read_until(descriptor: int, expected: bytes) -> bytes:
    """What a pipe or a terminal gives until ``expected`` has come, and nothing of what follows."""
    received = b""
    while expected not in received:
        assert select.select([descriptor], [], [], BOUND_S)[0], f"nothing follows {received!r}"
        data = os.read(descriptor, 1)
        assert data, f"it ends with {received!r}"
        received += data
    return received


@dataclass(frozen=True)
class Served:
    """A server that listens.

    Attributes:
        url: where.
        calls: the suggested calls, as argument lists.
        output: its standard output stream.
        log: its standard error stream.
        process: the server.
    """

    url: str
    calls: list[list[str]]
    output: Log
    log: Log
    process: "subprocess.Popen[str]"


@contextmanager
def serve(
    target: str | Path,
    *options: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    clean_log: bool = True,
    files: int | None = None,
    program: Sequence[str] = (PROGRAM,),
) -> Iterator[Served]:
    """Serve on a free port until the block is left; the server must then stop, without a traceback.

    Args:
        target: what to serve.
        options: further ones.
        cwd: where.
        env: further variables.
        clean_log: whether a traceback is a failure.
        files: the limit of open files, hard and soft.
        program: how the command is called.
    """
    limit = [] if files is None else ["prlimit", f"--nofile={files}:{files}"]
    process = subprocess.Popen(
        [*limit, *program, "serve", str(target), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(env),
        # Its workers must be reachable even where the test fails and the server is killed.
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    output, log = Log(), Log()
    with _following(output, process.stdout), _following(log, process.stderr):
        try:
            (line,) = output.wait_for("Serving ")
            found = re.match(r"Serving (https?://[^\s;]+)(; )?", line)
            assert found is not None, line
            calls = [shlex.split(call) for call in output.wait_for(" call ", 1)] if found[2] else []
            yield Served(found[1], calls, output, log, process)
            process.send_signal(signal.SIGTERM)
            exit_code = process.wait(BOUND_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    assert exit_code == 0, log.text()
    assert not clean_log or "Traceback" not in log.text(), log.text()


@contextmanager
def _following(log: Log, stream: IO[str]) -> Iterator[None]:
    reader = threading.Thread(target=log.follow, args=(stream,))
    reader.start()
    try:
        yield
    finally:
        reader.join(BOUND_S)
        stream.close()
        print(log.text())
