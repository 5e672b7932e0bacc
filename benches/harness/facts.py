"""What is known of a run as a whole: when, where, how, and of what."""

import datetime
import os
import platform
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.cores import Cores
from harness.environment import read_build_info


def read_facts(command: str, *, rounds: int, cores: Cores, versions: dict[str, str]) -> dict[str, Any]:
    """All of it, for the results file.

    Args:
        command: the name of the benchmark's command; its arguments are this process's.
        rounds: how many there were.
        cores: which were used.
        versions: of what was measured.
    """
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "command": shlex.join(["python3", f"benches/{command}.py", *sys.argv[1:]]),
        "rounds": rounds,
        "cores": asdict(cores),
        "machine": _read_machine(),
        "versions": versions,
        "build": read_build_info(),
    }


def _read_machine() -> dict[str, str]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "memory": f"{memory_gib:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
    }
