"""The main process: Granian's workers from their start to their end, and what signals mean.

- A stop lets open streams go on for ``--stop-timeout``. Each worker is told until it is gone; ``stop`` says
  what happens in it meanwhile. Nothing that is written can hold a stop up.
- A worker that dies is replaced, after a pause that grows if it dies again and again; never are the others
  ended for it. Only where none has ever listened, the server gives up.
- SIGHUP restarts the workers one after the other; the old ones' streams go on for ``--stop-timeout``. Where
  it tells the end of the terminal that the server was started from, it stops the server.
"""

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from multiprocessing.sharedctypes import RawValue
from types import FrameType
from typing import Any, Final, TextIO

from granian.server import Server

from streamactions.serve.address import Address
from streamactions.serve.stop import AGAIN_AFTER_S, HURRIED_STOP_S
from streamactions.serve.worker import TELL_AGAIN_S

__all__ = ["Supervisor"]

logger = logging.getLogger("streamactions")

FIRST_RESPAWN_PAUSE_S: Final = 0.5
"""The pause before a worker that has died soon is replaced; it doubles with each further death."""

MAX_RESPAWN_PAUSE_S: Final = 30.0
"""The longest such pause."""

STEADY_WORKER_S: Final = 60.0
"""A worker that lived for this long did not die soon: its replacement waits for nothing."""

_PROBE_INTERVAL_S: Final = 0.02
_STEP_S: Final = 0.05

Worker = Any
"""Granian's handle on a worker's process."""


class Supervisor(Server):  # type: ignore[misc, valid-type]  # Granian chooses it at run time.
    """Granian's main process.

    Args:
        target: what the workers load.
        address: where they listen.
        stop_timeout_s: how long open streams have at a stop.
        announcement: what is printed once the server listens.
        options: Granian's own.
    """

    def __init__(
        self, target: str, *, address: Address, stop_timeout_s: float, announcement: str, **options: Any
    ) -> None:
        self._address = address
        self._stop_timeout_s = stop_timeout_s
        self._announcement = announcement
        self._has_listened = False
        self._stop_began_s: float | None = None
        self._is_hurried = False
        # Workers that were replaced and have streams still, and when these are cut.
        self._replaced: list[tuple[Worker, float]] = []
        self._quick_deaths: dict[int, int] = {}
        # nohup asks for SIGHUP to be ignored.
        self._ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._has_terminal = _has_terminal()
        super().__init__(target, address=address.ip, port=address.port, **options)
        # A threading.Event is none for signals: its lock is not free while a handler that it is set from, or
        # the wait for it, is interrupted by a further signal.
        self.main_loop_interrupt = _Wakeup()

    # --- Start ---------------------------------------------------------------------------------

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        """Start the workers, and the thread that says when they listen."""
        # A signal may reach any thread of this process, and Python's handlers run in the first one alone,
        # which may be waiting.
        signal.set_wakeup_fd(self.main_loop_interrupt.writing_end, warn_on_full_buffer=False)
        super().startup(spawn_target, target_loader)
        threading.Thread(target=self._announce_when_listening, daemon=True).start()

    def _announce_when_listening(self) -> None:
        while not self.interrupt_signal:
            with suppress(OSError):
                socket.create_connection((self._address.reachable_ip, self._address.port)).close()
                self._has_listened = True
                _write(sys.stdout, self._announcement)
                return
            time.sleep(_PROBE_INTERVAL_S)

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Worker:
        # Its clock of a stop begins when it is told, not when its event loop has time to notice.
        told_s = RawValue("d", 0.0)
        worker = super()._spawn_worker(
            idx=idx, target=partial(target, told_s), callback_loader=callback_loader
        )
        worker.told_s = told_s
        return worker

    # --- Life ----------------------------------------------------------------------------------

    def serve(self, *arguments: Any, **options: Any) -> None:
        """Serve until a signal says to stop; see Granian's own."""
        try:
            super().serve(*arguments, **options)
        finally:
            # Whatever has gone wrong here, no worker may be left: the threads that wait for them would
            # keep this process from ending, and nobody would stop them.
            for worker in (*self.wrks, *(worker for worker, _ in self._replaced)):
                worker.kill()

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        due_s: dict[int, float] = {}
        while not self.interrupt_signal:
            self.main_loop_interrupt.wait(self._next_step_s(due_s.values()))
            self.main_loop_interrupt.clear()
            while self.interrupt_children:
                index = self.interrupt_children.pop()
                if not self.wrks[index].is_alive():
                    due_s[index] = time.monotonic() + self._note_death(index)
            if not self._has_listened and not any(worker.is_alive() for worker in self.wrks):
                logger.error("no worker could start, so there is nothing to serve: see the lines above")
                self.shutdown(1)
            if self.reload_signal:
                self._reload(spawn_target, target_loader)
                due_s.clear()
            for index in [index for index, at_s in due_s.items() if at_s <= time.monotonic()]:
                del due_s[index]
                self._replace(index, spawn_target, target_loader)
            self._see_replaced_out()

    def _next_step_s(self, due_s: Any) -> float | None:
        """How long nothing has to be done, if no signal comes and no worker dies."""
        steps = [max(0.0, at_s - time.monotonic()) for at_s in due_s]
        if self._replaced:
            steps.append(TELL_AGAIN_S)
        return min(steps, default=None)

    def _note_death(self, index: int) -> float:
        """Say that a worker has died. Returns for how many seconds its replacement waits."""
        worker = self.wrks[index]
        has_lived_s = time.monotonic() - worker.birth
        count = self._quick_deaths.get(index, -1) + 1 if has_lived_s < STEADY_WORKER_S else 0
        self._quick_deaths[index] = count
        pause_s = min(FIRST_RESPAWN_PAUSE_S * 2 ** (count - 1), MAX_RESPAWN_PAUSE_S) if count else 0.0
        logger.error(
            "worker-%d has ended (%s) after %.1f s; it starts again in %g s",
            index + 1,
            _explain_exit(worker.inner.exitcode),
            has_lived_s,
            pause_s,
        )
        return pause_s

    def _replace(self, index: int, spawn_target: Any, target_loader: Any) -> Worker:
        """Start a worker in the place of another, which is returned."""
        worker = self._spawn_worker(idx=index, target=spawn_target, callback_loader=target_loader)
        worker.start()
        replaced, self.wrks[index] = self.wrks[index], worker
        return replaced

    def _respawn_workers(
        self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        """Replace workers that live, one after the other; their streams have the time that a stop leaves."""
        for index in workers:
            replaced = self._replace(index, spawn_target, target_loader)
            # The new one takes calls before the old one takes none; a stop waits for neither.
            until_s = time.monotonic() + delay
            while time.monotonic() < until_s and not self.interrupt_signal:
                time.sleep(_STEP_S)
            _tell(replaced)
            self._replaced.append((replaced, time.monotonic() + self._stop_timeout_s))
            if self.interrupt_signal:
                break
        # Whatever came meanwhile is looked at now.
        self.main_loop_interrupt.set()

    def _see_replaced_out(self) -> None:
        for worker, limit_s in self._replaced:
            if time.monotonic() < limit_s:
                _tell(worker)
            else:
                worker.kill()
        self._replaced = [(worker, limit_s) for worker, limit_s in self._replaced if worker.is_alive()]

    # --- Stop ----------------------------------------------------------------------------------

    def signal_handler_interrupt(self, signum: int, frame: FrameType | None) -> None:
        """SIGINT or SIGTERM: stop; a second Ctrl-C hurries."""
        # Nothing but this: a signal interrupts any code, also code that holds a lock or writes a line.
        # What is known already must cost nothing: in a flood of signals each interrupts the one before.
        if self.interrupt_signal and (signum != signal.SIGINT or self._is_hurried):
            return
        now_s = time.monotonic()
        if self._stop_began_s is None:
            self._stop_began_s = now_s
        elif signum == signal.SIGINT and now_s - self._stop_began_s >= AGAIN_AFTER_S:
            self._is_hurried = True
        super().signal_handler_interrupt(signum, frame)

    def signal_handler_reload(self, signum: int, frame: FrameType | None) -> None:
        """SIGHUP: restart the workers, or stop where it says that the terminal is closed."""
        # What is known already must cost nothing: in a flood of signals each interrupts the one before.
        if self.interrupt_signal or self.reload_signal or self._ignores_hangup:
            return
        if self._has_terminal and not _has_terminal():
            self.signal_handler_interrupt(signum, frame)
        else:
            super().signal_handler_reload(signum, frame)

    def shutdown(self, exit_code: int = 0) -> None:
        """Stop the workers, within the limit.

        Raises:
            SystemExit: with the exit code, where it is not 0.
        """
        if self._stop_began_s is not None:
            self._say_in_a_thread(
                f"Stopping: open streams have {self._stop_timeout_s:g} s to end; Ctrl-C again cuts them"
            )
        # A worker that has died before the stop was asked for is no failure of the stop.
        self.interrupt_children.clear()
        try:
            super().shutdown(exit_code)
        finally:
            # There is nothing left to stop; while Python ends, a signal would spoil the exit code.
            for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signal_number, signal.SIG_IGN)

    def _stop_workers(self) -> None:
        leaving = [*self.wrks, *(worker for worker, _ in self._replaced)]
        limit_s = time.monotonic() + self._stop_timeout_s
        has_hurried = False
        killed: set[int] = set()
        while leaving:
            if self._is_hurried and not has_hurried:
                has_hurried = True
                limit_s = min(limit_s, time.monotonic() + HURRIED_STOP_S)
                self._interrupt(leaving)
            is_over = time.monotonic() >= limit_s
            for worker in leaving:
                if not is_over:
                    _tell(worker)
                elif worker.inner.pid not in killed:
                    killed.add(worker.inner.pid)
                    logger.warning("worker-%d did not end in time, and is killed", worker.idx + 1)
                    worker.kill()
            # Not by `join`: its end is that of a pipe, which a process that the worker has started may hold.
            self._wait_for_one(leaving)
            leaving = [worker for worker in leaving if worker.is_alive()]
        self.wrks.clear()
        self._replaced.clear()

    @staticmethod
    def _wait_for_one(workers: list[Worker]) -> None:
        """Until one has ended, for no longer than until the others have to be told again."""
        until_s = time.monotonic() + TELL_AGAIN_S
        while all(worker.is_alive() for worker in workers) and time.monotonic() < until_s:
            time.sleep(_STEP_S)

    @staticmethod
    def _interrupt(workers: list[Worker]) -> None:
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker.inner.pid, signal.SIGINT)

    @staticmethod
    def _say_in_a_thread(line: str) -> None:
        """Whoever should read it may have stopped to read, and a stop must not wait for that."""
        threading.Thread(target=_write, args=(sys.stderr, line), daemon=True).start()


class _Wakeup:
    """As ``threading.Event``, for one who waits; a signal handler may set it, and interrupt that.

    Whoever writes to its ``writing_end`` ends a wait as well.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self.writing_end = os.pipe()
        for descriptor in (self._reader, self.writing_end):
            os.set_blocking(descriptor, False)

    def set(self) -> None:
        self._is_set = True
        with suppress(BlockingIOError):
            os.write(self.writing_end, b"\0")

    def clear(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._reader, 1024):
                pass
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        select.select((self._reader,), (), (), timeout)
        return self._is_set


def _write(stream: TextIO | None, line: str) -> None:
    """Write a line, unless nobody can read it: the server serves, and stops, all the same.

    Not by the stream's buffer, whose rest would spoil the exit code where it cannot be written.
    """
    data = f"{line}\n".encode()
    with suppress(OSError):
        # There is no stream where the program was started with a closed one.
        while stream is not None and data:
            data = data[os.write(stream.fileno(), data) :]


def _tell(worker: Worker) -> None:
    """Tell a worker to stop, as often as one likes."""
    if not worker.told_s.value:
        worker.told_s.value = time.monotonic()
    worker.terminate()


def _has_terminal() -> bool:
    """Whether this process has a terminal that is not closed (POSIX, "The Controlling Terminal")."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _explain_exit(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"killed by signal {-exit_code}"
