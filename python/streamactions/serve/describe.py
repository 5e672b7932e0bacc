"""What can be called in an app, found in a process of its own.

The server's main process never imports the user's code: its workers do, each after a fork or a
spawn, and a reload must find the code anew. So a process that ends at once imports it first, which
also finds mistakes before a port is taken.
"""

import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from streamactions.app import StreamActions
from streamactions.serve.apps import walk_apps
from streamactions.serve.errors import TargetError
from streamactions.serve.example_input import make_example_input
from streamactions.serve.target import load_app

__all__ = ["ActionSummary", "TargetSummary", "answer", "describe_target"]


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


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """What a target serves.

    Attributes:
        actions: what can be called; none where an app of another kind hides them.
        console_paths: where the consoles are.
    """

    actions: list[ActionSummary]
    console_paths: list[str]


def describe_target(target: str) -> TargetSummary:
    """What can be called in a target.

    Raises:
        TargetError: the target is no app or cannot be imported.
    """
    # -P: files of the working directory must not stand in for modules before the target is imported.
    command = [sys.executable, "-P", "-c", f"from {__name__} import answer; answer()", target]
    finished = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    try:
        said = orjson.loads(finished.stdout)
    except orjson.JSONDecodeError:
        raise TargetError(f"{target} ended the process that imported it: run it alone to see why") from None
    if "error" in said:
        raise TargetError(said["error"])
    return TargetSummary([ActionSummary(**action) for action in said["actions"]], said["console_paths"])


def answer() -> None:
    """The other process: imports the target and answers on its standard output stream."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    said: dict[str, Any]
    # What the user's code prints must not get into the answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        # A program that was started without a standard error stream has nowhere to say it.
        os.dup2(
            os.open(os.devnull, os.O_WRONLY) if sys.stderr is None else sys.stderr.fileno(),
            sys.stdout.fileno(),
        )
        try:
            said = asdict(_describe(sys.argv[1]))
        except TargetError as error:
            said = {"error": str(error)}
        output.write(orjson.dumps(said))


def _describe(target: str) -> TargetSummary:
    target_app = load_app(target)
    apps = [
        (mount_path, app)
        for mount_path, app in [("", target_app), *walk_apps(target_app)]
        if isinstance(app, StreamActions)
    ]
    actions = [
        ActionSummary(
            f"{mount_path}{app.prefix}/{action.name}",
            action.method,
            orjson.dumps(make_example_input(action.input_adapter), default=str).decode(),
        )
        for mount_path, app in apps
        for action in app.actions.values()
    ]
    return TargetSummary(actions, [f"{mount_path}{app.prefix}/" for mount_path, app in apps if app.console])
