"""The face is the face: every name exists and is documented, and an import does nothing else."""

import inspect
import subprocess
import sys
from typing import Any

import pytest

import streamactions

LATER = {"granian", "uvicorn", "fastapi", "click"}
"""Packages that only those who serve or use the command line need."""

HTTP_CLIENTS = {"aiohttp", "httpx", "httpx2", "requests", "urllib3"}
"""Packages that only those who call need: one takes half as long as all the rest."""

LOOK = f"""
import asyncio, logging, signal, sys, threading
before = {{
    "threads": threading.enumerate(),
    "policy": type(asyncio.get_event_loop_policy()),
    "handlers": logging.getLogger().handlers[:],
    "signals": [signal.getsignal(number) for number in signal.valid_signals()],
    "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook),
}}
import streamactions
after = {{
    "threads": threading.enumerate(),
    "policy": type(asyncio.get_event_loop_policy()),
    "handlers": logging.getLogger().handlers[:],
    "signals": [signal.getsignal(number) for number in signal.valid_signals()],
    "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook),
}}
assert before == after, after
assert logging.getLogger("streamactions").handlers == []
from pathlib import Path
native_threads = len(list(Path("/proc/self/task").iterdir())) if sys.platform == "linux" else 1
assert native_threads == 1, native_threads
loaded = {LATER | HTTP_CLIENTS!r} & set(sys.modules)
assert not loaded, loaded
"""


def test_every_name_exists() -> None:
    assert [name for name in streamactions.__all__ if not hasattr(streamactions, name)] == []
    assert len(set(streamactions.__all__)) == len(streamactions.__all__)


def test_every_public_name_is_in_the_face() -> None:
    submodules = {name for name, value in vars(streamactions).items() if inspect.ismodule(value)}
    public = {name for name in vars(streamactions) if not name.startswith("_")} - submodules
    assert public == set(streamactions.__all__) - {"__version__"}


@pytest.mark.parametrize("name", [name for name in streamactions.__all__ if name != "__version__"])
def test_every_name_is_documented(name: str) -> None:
    value: Any = getattr(streamactions, name)
    # A class inherits its parent's text and a value its type's: neither would say anything of it.
    text = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    assert text
    assert len(text) > 20


@pytest.mark.parametrize("name", [name for name in streamactions.__all__ if name != "__version__"])
def test_every_method_is_documented(name: str) -> None:
    value: Any = getattr(streamactions, name)
    if inspect.isclass(value):
        members = {key: member for key, member in inspect.getmembers(value) if not key.startswith("_")}
        own = {
            key
            for key in members
            if any(key in vars(base) for base in value.__mro__ if base.__module__ != "builtins")
        }
        assert [key for key in own if callable(members[key]) and not members[key].__doc__] == []


def test_the_version_is_that_of_the_extension() -> None:
    assert streamactions.__version__ == streamactions.build_info()["version"]


def test_an_import_does_nothing_else() -> None:
    looked = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert (looked.returncode, looked.stdout, looked.stderr) == (0, "", "")


@pytest.mark.parametrize("module", ["client", "serve", "cli", "testing"])
def test_no_import_loads_an_http_client(module: str) -> None:
    """``serve`` is what a server's worker imports, and a handler may have the client."""
    look = f"import sys, streamactions.{module}; print({HTTP_CLIENTS!r} & set(sys.modules))"
    looked = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert (looked.stdout, looked.stderr) == ("set()\n", "")
