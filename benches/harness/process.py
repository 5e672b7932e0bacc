"""One server: its process tree on one core, its processor time and its memory, from ``/proc``."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from harness.cores import bound_to
from harness.errors import RunError
from harness.paths import BIN, PEERS

START_TIMEOUT_S: Final = 60.0
_POLL_INTERVAL_S: Final = 0.05
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_LOG_TAIL_BYTES: Final = 4000


def make_argv(command: Sequence[str], **values: object) -> list[str]:
    """A command line: its ``{name}`` filled in, its program taken from the environment if it is there."""
    program, *arguments = (fill_in(part, **values) for part in command)
    return [str(BIN / program) if (BIN / program).exists() else program, *arguments]


def fill_in(text: str, **values: object) -> str:
    """A text with its ``{name}`` filled in; other braces stay."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


class ServerProcess:
    """A running server; leaving its ``with`` block ends its whole tree.

    Where the block is left because one of its processes has ended by itself, that is a `RunError`.

    Args:
        argv: its command line.
        port: where it will listen.
        core: the processor that its tree is bound to.
        log: where its output goes.
        env: environment variables of its own.
    """

    def __init__(
        self, argv: list[str], port: int, core: int, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self._log = log
        ours = {"PYTHONPATH": str(PEERS), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            with bound_to(core), log.open("wb") as output:
                self._process = subprocess.Popen(
                    argv,
                    cwd=PEERS,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    env={**os.environ, **ours, **(env or {})},
                )
        except FileNotFoundError as error:
            raise RunError(f"{argv[0]} is not installed") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, FileNotFoundError | ProcessLookupError):
                # What was read of it in /proc is no longer there.
                self.check_alive()
                raise RunError(f"a process of the server has ended: {error}\n{self.log_tail()}") from error
        finally:
            # Endless handlers would hold a polite stop up. The session holds this tree alone.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait_until_listening(self) -> None:
        """Wait until it takes a connection.

        Raises:
            RunError: it ended, or did not listen in time.
        """
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise RunError(f"the server ended with {self._process.returncode}:\n{self.log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(_POLL_INTERVAL_S)
        raise RunError(f"the server did not listen within {START_TIMEOUT_S:g} s:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The end of what it printed."""
        return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()

    def cpu_ns(self) -> int:
        """User and system time of the tree so far, children that have ended included."""
        return sum(_cpu_ns(pid) for pid in self._tree())

    def rss_bytes(self) -> int:
        """What the tree has in memory now."""
        pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in self._tree())
        return sum(int(count) for count in pages) * _PAGE_BYTES

    def peak_rss_bytes(self) -> int:
        """The sum of the peaks of its processes."""
        return sum(_peak_rss_bytes(pid) for pid in self._tree())

    def check_alive(self) -> None:
        """A server that has ended has measured nothing.

        Raises:
            RunError: it has ended.
        """
        if self._process.poll() is not None:
            raise RunError(f"the server ended with {self._process.returncode}:\n{self.log_tail()}")

    def _tree(self) -> Iterator[int]:
        waiting = [self._process.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting.extend(int(child) for child in children.read_text().split())


def _cpu_ns(pid: int) -> int:
    # The process's own clock (clock_getcpuclockid(3)) counts nanoseconds, where stat counts ticks
    # of 10 ms; it includes threads that have ended. Ended children are in stat alone.
    own_ns = time.clock_gettime_ns((~pid << 3) | 2)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cutime, cstime = int(fields[13]), int(fields[14])
    return own_ns + (cutime + cstime) * _TICK_NS


def _peak_rss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def find_free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
