"""Handlers that are not async: they run in threads, so that they do not keep the event loop.

A thread cannot be stopped from outside. So a call that is cancelled, because its client has left or its
server stops, waits for its thread, which is told at its next ``send_from_thread`` or ``yield``.
"""

import asyncio
import contextvars
import functools
import os
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

__all__ = ["MAX_THREADS", "ThreadCall", "Threaded", "iterate_in_threads", "running_call"]

MAX_THREADS: Final = 40
"""Threads for handlers that are not async, in a process: as many as FastAPI's (anyio's) by default. Further
calls wait for one. A handler that sends holds one for as long as its reader takes, a generator only for the
steps between its chunks."""

_END: Final = object()


class ThreadCall:
    """One call whose handler runs in threads: how the threads learn that it was cancelled.

    Attributes:
        is_cancelled: whether it was.
        sending: what its thread waits for, while it sends.
    """

    __slots__ = ("is_cancelled", "sending")

    def __init__(self) -> None:
        self.is_cancelled = False
        self.sending: Future[None] | None = None

    def cancel(self) -> None:
        """Have the thread's wait, or its next one, end by ``CancelledError``."""
        # In this order, as `wait_for` has the opposite one: one of the two sees what the other has done.
        self.is_cancelled = True
        sending = self.sending
        if sending is not None:
            sending.cancel()

    def wait_for(self, sending: "Future[None]") -> None:
        """From the thread: this is what it waits for now."""
        self.sending = sending
        if self.is_cancelled:
            sending.cancel()


_CALL: Final[contextvars.ContextVar[ThreadCall | None]] = contextvars.ContextVar(
    "streamactions_thread_call", default=None
)


def running_call() -> ThreadCall | None:
    """The call that this thread runs for; ``None`` in a thread that a handler has started itself."""
    return _CALL.get()


@functools.cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="streamactions")


# The threads of a process do not live in its forked child.
os.register_at_fork(after_in_child=_executor.cache_clear)


class Threaded:
    """Runs the functions of one call in threads, one after another, all in one context (PEP 567)."""

    def __init__(self) -> None:
        self._call = ThreadCall()
        self._context = contextvars.copy_context()
        self._context.run(_CALL.set, self._call)

    async def run(self, function: Callable[..., Any], *arguments: Any, is_due: bool = False) -> Any:
        """Call a function in a thread and wait until it is done, also where this task is cancelled.

        Args:
            function: what to call.
            arguments: its arguments.
            is_due: whether it is called even where the task is cancelled before there is a thread for it.
        """
        job = _executor().submit(self._context.run, _without_stop_iteration, function, *arguments)
        done = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            self._call.cancel()
            if is_due or not job.cancel():
                await _outlast(done)
                # What the thread raised beside it is the failure; its own cancellation is this one.
                if not done.cancelled() and isinstance(done.exception(), Exception):
                    done.result()
            raise
        except GeneratorExit:
            # The loop was closed: nothing can be awaited any more.
            self._call.cancel()
            raise


async def _outlast(done: "asyncio.Future[Any]") -> None:
    """Wait until it is done, however often this task is cancelled; who waits for it is cancelled already."""
    while not done.done():
        try:
            await asyncio.wait((done,))
        except asyncio.CancelledError:
            continue


def _without_stop_iteration(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except StopIteration as error:
        # No future can carry it, and no coroutine lets it pass (PEP 479).
        raise RuntimeError("a handler raised StopIteration") from error


async def iterate_in_threads(generator: Generator[Any, Any, Any]) -> AsyncGenerator[Any, None]:
    """What a sync generator yields; each of its steps, and its closing, runs in a thread."""
    threaded = Threaded()
    try:
        while (item := await threaded.run(next, generator, _END)) is not _END:
            yield item
    finally:
        await threaded.run(generator.close, is_due=True)
