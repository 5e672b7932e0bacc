"""How many instructions an event takes, counted by valgrind's callgrind.

Strategy: a workload runs twice, for N events and for 2N. The difference is what N events take,
without the start of the process; it is the same on an idle machine and on a busy one.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

_COLLECTED: Final = re.compile(r"Collected : (\d+)")


class CountError(Exception):
    """Nothing can be counted; the message says what to do."""


def count_per_event(command: list[str], events: int) -> float:
    """Instructions for each event of a workload.

    Args:
        command: the workload, which takes the number of events as its last argument and prints
            the number that it has handled.
        events: N.

    Raises:
        CountError: valgrind is missing, or the workload failed or lost an event.
    """
    return (_count(command, 2 * events) - _count(command, events)) / events


def _count(command: list[str], events: int) -> int:
    with tempfile.TemporaryDirectory(prefix="streamactions-callgrind-") as folder:
        output = Path(folder) / "callgrind.out"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", *command, str(events)]
        try:
            done = subprocess.run(
                valgrind,
                capture_output=True,
                text=True,
                check=False,
                env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        except FileNotFoundError:
            raise CountError("valgrind is not installed: run 'apt-get install valgrind'") from None
    collected = _COLLECTED.search(done.stderr)
    if done.returncode != 0 or collected is None:
        said = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("=="))
        raise CountError(f"{' '.join(command)} failed: {said or done.stderr}")
    if done.stdout.strip() != str(events):
        raise CountError(f"{' '.join(command)} handled {done.stdout.strip()} events of {events}")
    return int(collected[1])
