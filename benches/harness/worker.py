"""A program that takes a plan on its standard input and gives a report on its standard output, as JSON."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from harness.errors import RunError
from harness.paths import BIN, WORKERS

EXIT_GRACE_S: Final = 30.0
"""For a program to report after its own deadline."""


def run_program(argv: list[str], plan: dict[str, Any], *, deadline_s: float) -> Any:
    """Carry a plan out, on this process's core; returns the report.

    Raises:
        RunError: the program failed, or hangs.
    """
    name = Path(argv[-1]).name
    try:
        done = subprocess.run(
            argv,
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            check=False,
            timeout=deadline_s + EXIT_GRACE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RunError(f"{name} hangs") from error
    if done.returncode != 0:
        # The last line says what it is about, even of a traceback.
        *before, last = done.stderr.strip().split("\n")
        raise RunError("\n".join((f"{name} failed: {last}", *before)))
    return json.loads(done.stdout)


def run_worker(name: str, plan: dict[str, Any], *, deadline_s: float) -> Any:
    """Carry a plan out with a program of ``benches/workers``.

    Raises:
        RunError: as `run_program`.
    """
    return run_program([str(BIN / "python"), str(WORKERS / f"{name}.py")], plan, deadline_s=deadline_s)
