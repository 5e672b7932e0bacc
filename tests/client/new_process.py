"""Programs in a process of their own, for what only a fresh interpreter shows."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from client_runner import HANG_S


def in_new_process(program: str, *flags: str) -> str:
    """The output of a program, which must end by itself, and well."""
    ended = subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout
