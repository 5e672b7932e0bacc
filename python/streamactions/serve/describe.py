"""What can be called in an app, found in a process of its own.

The server's main process never imports the user's code: its workers do, each after a fork or a
spawn, and a reload must find the code anew. So a process that ends at once imports it first, which
also finds mistakes before a port is taken.
"""

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Final

import orjson

from streamactions.app import StreamActions
from streamactions.serve.errors import TargetError
from streamactions.serve.example_input import make_example_input
from streamactions.serve.target import load_app

__all__ = ["ActionSummary", "describe_target"]

MAX_MOUNT_DEPTH: Final = 5


@dataclass(frozen=True, slots=True)
class ActionSummary:
    """One action that a client can call.

    Attributes:
        path: its path on the server.
        method: the HTTP method.
        example_input: a small input, as JSON.
    """

    path: str
    method: str
    example_input: str


def describe_target(target: str) -> list[ActionSummary]:
    """The actions of a target; none where an app of another kind hides them.

    Raises:
        TargetError: the target is no app or cannot be imported.
    """
    # A spawned process starts without this one's threads and sockets.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_leave_interrupts_to_parent) as process:
        try:
            return process.submit(_describe, target).result()
        except BrokenProcessPool as error:
            raise TargetError(f"{target} ended the process that imported it: run it alone to see why") from error


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _describe(target: str) -> list[ActionSummary]:
    return [
        ActionSummary(
            f"{mount_path}{app.prefix}/{action.name}",
            action.method,
            orjson.dumps(make_example_input(action.input_adapter), default=str).decode(),
        )
        for mount_path, app in _find_apps(load_app(target), "", MAX_MOUNT_DEPTH)
        for action in app.actions.values()
    ]


def _find_apps(app: Any, mount_path: str, depth: int) -> Iterator[tuple[str, StreamActions]]:
    """The app itself, or those that are mounted in a Starlette or FastAPI app."""
    if isinstance(app, StreamActions):
        yield mount_path, app
    elif depth:
        for route in getattr(app, "routes", None) or ():
            mounted, path = getattr(route, "app", None), getattr(route, "path", None)
            if mounted is not None and isinstance(path, str):
                yield from _find_apps(mounted, mount_path + path, depth - 1)
