"""One run: a fresh server, a scenario's phases, and the figures that came out."""

import threading
from pathlib import Path
from typing import Any, Final, Self

from harness.errors import RunError
from harness.load import run_groups, run_load
from harness.process import ServerProcess, find_free_port
from harness.scenarios import Group, Scenario, warm_up
from harness.servers import Server

PHASE_DEADLINE_S: Final = 240.0
SAMPLE_INTERVAL_S: Final = 0.1

METRICS: Final = {
    "cpu_us_per_event": "CPU per event, µs",
    "wall_s": "wall, s",
    "first_event_p99_ms": "first event p99, ms",
    "gap_p99_ms": "gap p99, ms",
    "gap_max_ms": "gap max, ms",
    "gap_p99_ms_without": "gap p99 without, ms",
    "send_to_read_p50_us": "send to read p50, µs",
    "send_to_read_p99_us": "send to read p99, µs",
    "peak_mib": "peak memory, MiB",
    "kib_per_stream": "memory a stream, KiB",
    "kib_per_stalled_stream": "memory a stalled stream, KiB",
    "stalled_growth_kib": "its growth in the second half, KiB",
}
"""What a run can give, with the headings for readers."""

Metrics = dict[str, float]


class _MemorySampler:
    """Reads the server's memory while the load runs."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_INTERVAL_S):
            try:
                self.samples.append(self._server.rss_bytes())
            except (FileNotFoundError, ProcessLookupError):
                # The server has ended; the run finds that out by itself.
                return

    @property
    def peak_bytes(self) -> int:
        """The largest sample."""
        return max(self.samples)

    def kib_per_stream(self, percent: int, base_bytes: int, streams: int) -> float:
        """What each stream had taken when so much of the run was over."""
        sample_bytes = self.samples[(len(self.samples) - 1) * percent // 100]
        return (sample_bytes - base_bytes) / 1024 / streams


def measure(server: Server, scenario: Scenario, *, core: int, log: Path) -> Metrics:
    """Run a scenario once against a fresh process of a server.

    Raises:
        RunError: it did not give every event, in order, as it was asked to.
    """
    port = find_free_port()
    with ServerProcess(server.argv(port), port, core, log) as process:
        try:
            process.wait_until_listening()
            run_load(port, [warm_up(server)], deadline_s=PHASE_DEADLINE_S)
            *before, (_, groups) = scenario.phases.items()
            earlier = {
                name: run_groups(port, server, phase, deadline_s=PHASE_DEADLINE_S) for name, phase in before
            }
            rss_bytes, cpu_ns = process.rss_bytes(), process.cpu_ns()
            with _MemorySampler(process) as memory:
                reports = run_groups(port, server, groups, deadline_s=PHASE_DEADLINE_S)
            cpu_ns = process.cpu_ns() - cpu_ns
            process.check_alive()
            metrics = _read_reports(reports, groups)
            metrics |= _read_memory(process, memory, groups, rss_bytes)
        except (FileNotFoundError, ProcessLookupError) as error:
            process.check_alive()
            raise RunError(f"a process of the server has ended: {error}\n{process.log_tail()}") from error
    if not any(group.stalls for group in groups):
        metrics["cpu_us_per_event"] = cpu_ns / 1000 / sum(group.events for group in groups)
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
    process: ServerProcess, memory: _MemorySampler, groups: tuple[Group, ...], rss_bytes: int
) -> Metrics:
    peak_bytes = process.peak_rss_bytes()
    streams = sum(group.streams for group in groups)
    metrics = {"peak_mib": peak_bytes / 2**20, "kib_per_stream": (peak_bytes - rss_bytes) / 1024 / streams}
    stalled = sum(group.streams for group in groups if group.stalls)
    if stalled:
        if not memory.samples:
            raise RunError("the run was too short for a sample of its memory")
        for percent in (25, 50, 75, 100):
            metrics[f"stalled_kib_after_{percent}_percent"] = memory.kib_per_stream(
                percent, rss_bytes, stalled
            )
        metrics["kib_per_stalled_stream"] = (memory.peak_bytes - rss_bytes) / 1024 / stalled
        metrics["stalled_growth_kib"] = (
            metrics["stalled_kib_after_100_percent"] - metrics["stalled_kib_after_50_percent"]
        )
    return metrics
