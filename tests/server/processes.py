"""A real server in a process of its own, with its log, from the first request to a clean exit.

Nothing waits for a time: the log says when the server starts, and it is ready when its port
accepts a connection.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.raw_client import BOUND_S

__all__ = [
    "FAULTS",
    "GRANIAN",
    "HYPERCORN",
    "UVICORN",
    "Log",
    "ServerKind",
    "free_port",
    "granian",
    "run_server",
]

_TESTS: Final = Path(__file__).resolve().parent.parent

FAULTS: Final = (
    "Task was destroyed",
    "never retrieved",
    "never awaited",
    "Exception ignored",
    "Application callable raised",
    "Exception in ASGI application",
    "Error in ASGI Framework",
    "Unexpected ASGI message",
    "Exception in callback",
    "panicked",
)
"""What asyncio, Python and the servers say when a program has been careless."""


@dataclass(frozen=True)
class ServerKind:
    """How to start one server, and how it says that it is ready and that it left in peace."""

    name: str
    arguments: tuple[str, ...]
    ready: str
    ready_times: int = 1
    exit_codes: tuple[int, ...] = (0,)
    # Tasks of the server itself that outlive a connection for a while.
    own_tasks: tuple[str, ...] = ()


def granian(workers: int = 1, *options: str) -> ServerKind:
    """Granian with so many workers, on the event loop that the package brings along."""
    arguments = ("--interface", "asgi", "--loop", "uvloop", "--workers", str(workers), *options)
    return ServerKind(
        f"granian-{workers}",
        ("granian", *arguments, "--port", "{port}", "{target}"),
        ready="Started worker-",
        ready_times=workers,
    )


GRANIAN: Final = granian()

UVICORN: Final = ServerKind(
    "uvicorn",
    ("uvicorn", "--no-access-log", "--port", "{port}", "{target}"),
    ready="Uvicorn running on",
    # It ends itself by the signal that asked it to end.
    exit_codes=(0, -signal.SIGTERM),
)

HYPERCORN: Final = ServerKind(
    "hypercorn",
    ("hypercorn", "--bind", "127.0.0.1:{port}", "{target}"),
    ready="Running on http",
    own_tasks=(
        "EventWrapper.wait",
        "TCPServer._idle_timeout",
        "worker_serve.<locals>._server_callback",
    ),
)


class Log:
    """What a server has written, line by line, while a thread reads on."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._is_over = False

    def follow(self, lines: Iterator[str]) -> None:
        """Read to the end of ``lines``."""
        for line in lines:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def lines_with(self, text: str) -> list[str]:
        """The lines so far that contain ``text``."""
        with self._changed:
            return [line for line in self._lines if text in line]

    def wait_for(self, text: str, times: int = 1) -> list[str]:
        """Wait until so many lines contain ``text``, and return them."""
        with self._changed:

            def found() -> list[str]:
                return [line for line in self._lines if text in line]

            self._changed.wait_for(lambda: len(found()) >= times or self._is_over, BOUND_S)
            assert len(found()) >= times, f"the server has not logged {text!r}:\n{self.text()}"
            return found()

    def text(self) -> str:
        """All of it."""
        return "\n".join(self._lines)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_accepting(port: int) -> None:
    """Granian says that it has started just before it listens."""
    bound_s = time.monotonic() + BOUND_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), BOUND_S).close()
        except ConnectionRefusedError:
            assert time.monotonic() < bound_s, f"nobody listens on port {port}"
            time.sleep(0.005)
        else:
            return


@contextmanager
def run_server(kind: ServerKind, target: str) -> Iterator[tuple[int, Log]]:
    """Run a server; at the end it has to exit cleanly, with a log that shows no carelessness.

    Args:
        kind: which server.
        target: ``module:app``, below the folder of the tests.
    """
    port = free_port()
    arguments = [argument.format(port=port, target=target) for argument in kind.arguments]
    path = os.pathsep.join(filter(None, (str(_TESTS), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    log = Log()
    assert process.stdout is not None
    reader = threading.Thread(target=log.follow, args=(process.stdout,))
    reader.start()
    try:
        log.wait_for(kind.ready, kind.ready_times)
        _wait_until_accepting(port)
        yield port, log
        process.send_signal(signal.SIGTERM)
        exit_code = process.wait(BOUND_S)
    finally:
        with suppress(ProcessLookupError):
            # Workers that hang would outlive their parent.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()
        print(log.text())
    assert exit_code in kind.exit_codes
    assert not [line for fault in FAULTS for line in log.lines_with(fault)]
