"""One worker process: Granian's own, with what it leaves open around it.

- Granian's signal handler may run once: each further run is a blocking send that freezes the event loop. So
  it is called once, whoever sends signals and how many, and a signal that comes before it was set is kept.
- ``SystemExit`` and ``KeyboardInterrupt`` leave asyncio's ``run_forever``, whichever task or callback has
  raised them. Here the loop runs on: other streams live in it.
- A worker whose parent is gone would serve on for ever, without anybody to stop it. So it looks whether it
  has its parent still, and stops by itself.
"""

import asyncio
import importlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import parent_process
from typing import Any, Final

from granian import loops
from granian.server import Server

from streamactions.serve.lifespan import StoppableApp
from streamactions.serve.stop import Stop, Told

__all__ = ["PARENT_CHECK_S", "TELL_AGAIN_S", "run_worker"]

logger = logging.getLogger("streamactions")

TELL_AGAIN_S: Final = 0.25
"""Between two times that a worker is told to stop: uvloop and rloop lose a signal that comes after the app's
start and before the loop runs on."""

PARENT_CHECK_S: Final = 0.5
"""How long it may take a worker to notice that its parent is gone."""

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_LOOP_CLASSES: Final = {
    "asyncio": ("asyncio", "SelectorEventLoop"),
    "uvloop": ("uvloop", "Loop"),
    "rloop": ("rloop", "RLoop"),
}


def run_worker(loop_name: str, stop_timeout_s: float, told_s: Told, *arguments: Any) -> None:
    """What the process of a worker runs.

    Args:
        loop_name: an event loop that Granian knows.
        stop_timeout_s: how long a stop may take.
        told_s: see ``Stop``.
        arguments: what Granian gives to its own workers: the worker's number, the process's name, the
            function that loads the app (an ``IdleWatch``), and further ones.
    """
    number, process_name, load_app, *others = arguments
    stop = Stop(stop_timeout_s, told_s)
    early: list[int] = []
    # The main process's; a fork has it too.
    signal.set_wakeup_fd(-1)
    for signal_number in _STOP_SIGNALS:
        # The app is imported first, which may take seconds.
        signal.signal(signal_number, lambda heard, _: early.append(heard))
    # A terminal that closes tells every process of its group; the parent decides what it means.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None and parent.pid is not None:
        threading.Thread(target=_outlive_no_parent, args=(parent.pid, stop_timeout_s), daemon=True).start()
    loops.register(loop_name)(partial(_make_loop, loop_name, stop, early))

    def load_stoppable_app() -> StoppableApp:
        app = load_app()
        stop.hooks.append(app.stop)
        return StoppableApp(app, stop)

    Server._spawn_asgi_lifespan_worker(number, process_name, load_stoppable_app, *others)


def _make_loop(loop_name: str, stop: Stop, early: list[int]) -> asyncio.AbstractEventLoop:
    module_name, class_name = _LOOP_CLASSES[loop_name]
    base: Any = getattr(importlib.import_module(module_name), class_name)

    class WorkerLoop(base):  # type: ignore[misc]  # Which class it is, is known at run time.
        """The event loop of a worker."""

        def run_forever(self) -> None:
            """Run until ``stop``, whatever a task or a callback raises."""
            while True:
                try:
                    return super().run_forever()  # type: ignore[no-any-return]
                except (SystemExit, KeyboardInterrupt) as error:
                    logger.error(
                        "a task outside of its call's handler raised %s, which ends no worker",
                        type(error).__name__,
                        exc_info=error,
                    )

        def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
            """As asyncio's; Granian's own handlers, the first to be set, run once for all signals."""
            if sig not in unset:
                super().add_signal_handler(sig, callback, *args)
                return
            unset.remove(sig)
            hear = partial(self._hear_stop, sig, partial(callback, *args))
            super().add_signal_handler(sig, hear)
            if sig in early:
                self.call_soon(hear)

        def _hear_stop(self, sig: int, tell_granian: Callable[[], object]) -> None:
            if not stop.has_begun:
                stop.begin(self)
                tell_granian()
            elif sig == signal.SIGINT:
                stop.press_again(self)

    unset: set[int] = set(_STOP_SIGNALS)
    event_loop: asyncio.AbstractEventLoop = WorkerLoop()
    asyncio.set_event_loop(event_loop)
    return event_loop


def _outlive_no_parent(parent_pid: int, stop_timeout_s: float) -> None:
    """Stop this process when its parent is gone, as the parent would: tell it, and end it at the limit."""
    while os.getppid() == parent_pid:
        time.sleep(PARENT_CHECK_S)
    logger.error("the main process is gone, so this worker stops")
    limit_s = time.monotonic() + stop_timeout_s
    while time.monotonic() < limit_s:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(TELL_AGAIN_S)
    os.kill(os.getpid(), signal.SIGKILL)
