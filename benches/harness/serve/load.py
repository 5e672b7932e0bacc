"""One run of the load client, and the proof that it saw all that it asked for."""

from typing import Any

from harness.errors import RunError
from harness.paths import LOAD_BINARIES
from harness.serve.scenarios import Group
from harness.serve.servers import Server
from harness.worker import run_program


def run_load(port: int, groups: list[dict[str, Any]], *, deadline_s: float) -> dict[str, dict[str, Any]]:
    """Carry a plan out; returns the report by group.

    Raises:
        RunError: an event was wrong, missing or late, or a connection failed.
    """
    plan = {"port": port, "deadline_s": deadline_s, "groups": groups}
    report = run_program([str(LOAD_BINARIES / "load")], plan, deadline_s=deadline_s)
    groups_by_name = {group["name"]: group for group in report["groups"]}
    for name, group in groups_by_name.items():
        if group["errors"]:
            raise RunError(
                f"{group['errors']} of {group['streams']} streams ({name}): {group['messages'][0]}"
            )
    return groups_by_name


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
