"""One run: a fresh server, a scenario's phases, and the figures that came out."""

from pathlib import Path
from typing import Any, Final

from harness.memory import MemorySampler
from harness.process import ServerProcess, find_free_port
from harness.results import Metrics
from harness.scenario import CPU
from harness.serve.load import run_groups, run_load
from harness.serve.scenarios import Group, ServeScenario, warm_up
from harness.serve.servers import Server

PHASE_DEADLINE_S: Final = 240.0


def measure(server: Server, scenario: ServeScenario, *, core: int, log: Path) -> Metrics:
    """Run a scenario once against a fresh process of a server.

    Raises:
        RunError: it did not give every event, in order, as it was asked to.
    """
    port = find_free_port()
    with ServerProcess(server.argv(port), port, core, log) as process:
        process.wait_until_listening()
        run_load(port, [warm_up(server)], deadline_s=PHASE_DEADLINE_S)
        *before, (_, groups) = scenario.phases.items()
        earlier = {
            name: run_groups(port, server, phase, deadline_s=PHASE_DEADLINE_S) for name, phase in before
        }
        rss_bytes, cpu_ns = process.rss_bytes(), process.cpu_ns()
        with MemorySampler(process) as memory:
            reports = run_groups(port, server, groups, deadline_s=PHASE_DEADLINE_S)
        cpu_ns = process.cpu_ns() - cpu_ns
        process.check_alive()
        metrics = _read_reports(reports, groups)
        metrics |= _read_memory(process, memory, groups, rss_bytes)
    if not any(group.stalls for group in groups):
        metrics[CPU] = cpu_ns / 1000 / sum(group.events for group in groups)
    for phase in earlier.values():
        metrics["gap_p99_ms_without"] = phase[groups[0].name]["gap_ms"]["p99"]
    return metrics


def _read_reports(reports: dict[str, dict[str, Any]], groups: tuple[Group, ...]) -> Metrics:
    report = reports[groups[0].name]
    metrics = {
        "wall_s": max(reports[group.name]["wall_s"] for group in groups if not group.stalls),
        "first_event_p99_ms": report["first_event_ms"]["p99"],
    }
    if report["gap_ms"] is not None:
        metrics["gap_p99_ms"] = report["gap_ms"]["p99"]
        metrics["gap_max_ms"] = report["gap_ms"]["max"]
    if report["send_to_read_us"] is not None:
        metrics["send_to_read_p50_us"] = report["send_to_read_us"]["p50"]
        metrics["send_to_read_p99_us"] = report["send_to_read_us"]["p99"]
    return metrics


def _read_memory(
    process: ServerProcess, memory: MemorySampler, groups: tuple[Group, ...], rss_bytes: int
) -> Metrics:
    peak_bytes = process.peak_rss_bytes()
    streams = sum(group.streams for group in groups)
    metrics = {"peak_mib": peak_bytes / 2**20, "kib_per_stream": (peak_bytes - rss_bytes) / 1024 / streams}
    stalled = sum(group.streams for group in groups if group.stalls)
    if stalled:
        metrics |= memory.read_stalled(rss_bytes, stalled)
    return metrics
