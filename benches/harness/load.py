"""One run of the load client, and the proof that it saw all that it asked for."""

import json
import subprocess
from typing import Any, Final

from harness.errors import RunError
from harness.paths import LOAD_BINARIES
from harness.scenarios import Group
from harness.servers import Server

EXIT_GRACE_S: Final = 30.0
"""For the client to report after its own deadline."""


def run_load(port: int, groups: list[dict[str, Any]], *, deadline_s: float) -> dict[str, dict[str, Any]]:
    """Carry a plan out; returns the report by group.

    Raises:
        RunError: an event was wrong, missing or late, or a connection failed.
    """
    plan = {"port": port, "deadline_s": deadline_s, "groups": groups}
    try:
        done = subprocess.run(
            [LOAD_BINARIES / "load"],
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            check=False,
            timeout=deadline_s + EXIT_GRACE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RunError("the load client hangs") from error
    if done.returncode != 0:
        raise RunError(f"the load client failed: {done.stderr.strip()}")
    reports = {report["name"]: report for report in json.loads(done.stdout)["groups"]}
    for name, report in reports.items():
        if report["errors"]:
            raise RunError(
                f"{report['errors']} of {report['streams']} streams ({name}): {report['messages'][0]}"
            )
    return reports


def run_groups(
    port: int, server: Server, groups: tuple[Group, ...], *, deadline_s: float
) -> dict[str, dict[str, Any]]:
    """Carry a phase out and count what came.

    Raises:
        RunError: as ``run_load``, or the counts are not what was asked for.
    """
    reports = run_load(port, [group.plan(server) for group in groups], deadline_s=deadline_s)
    for group in groups:
        events = reports[group.name]["events"]
        if not group.stalls and events != group.events:
            raise RunError(f"{group.name}: {events} events of {group.events}")
    return reports
