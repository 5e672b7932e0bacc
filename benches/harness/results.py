"""What came out: figures by scenario and server, their medians, and the files that tell them."""

import datetime
import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from harness.measure import METRICS, Metrics
from harness.scenarios import Scenario
from harness.servers import SERVERS
from harness.targets import Verdict

TITLES = {server.name: server.title for server in SERVERS}


@dataclass(slots=True)
class Results:
    """Everything that was measured.

    Attributes:
        rounds: by scenario and server, the metrics of each round that succeeded.
        failures: one line for each run that did not.
    """

    scenarios: tuple[Scenario, ...]
    rounds: dict[str, dict[str, list[Metrics]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, scenario: str, server: str, metrics: Metrics) -> None:
        """Take in one run."""
        self.rounds.setdefault(scenario, {}).setdefault(server, []).append(metrics)

    def medians(self, scenario: str) -> dict[str, Metrics]:
        """The median of each metric over the rounds, by server."""
        return {server: _median(rounds) for server, rounds in self.rounds.get(scenario, {}).items()}


def _median(rounds: list[Metrics]) -> Metrics:
    return {name: median(metrics[name] for metrics in rounds) for name in rounds[0]}


def read_machine() -> dict[str, str]:
    """What the figures were taken on."""
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


def format_figure(value: float | None) -> str:
    """Three digits that matter."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(results: Results, scenario: Scenario) -> list[list[str]]:
    """A scenario's rows, the heading first."""
    rows = [["server", *(METRICS[column] for column in scenario.columns)]]
    for server, metrics in results.medians(scenario.name).items():
        rows.append([TITLES[server], *(format_figure(metrics.get(column)) for column in scenario.columns)])
    return rows


def format_text(rows: list[list[str]]) -> str:
    """A table for a terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def format_markdown(rows: list[list[str]]) -> str:
    """A table for a page."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]])


def verdict_rows(verdicts: list[Verdict]) -> list[list[str]]:
    """The targets as rows, the heading first."""
    rows = [["target", "wanted", "measured", "verdict"]]
    for verdict in verdicts:
        measured = "-" if verdict.measured is None else f"{format_figure(verdict.measured)}{verdict.unit}"
        wanted = f"≤ {format_figure(verdict.limit)}{verdict.unit}"
        rows.append([verdict.what, wanted, measured, verdict.word])
    return rows


def write_files(folder: Path, results: Results, verdicts: list[Verdict], facts: dict[str, Any]) -> list[Path]:
    """Write ``serve.json`` and ``serve.md``; ``facts`` is what is known of the run as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json = folder / "serve.json"
    document = {
        **facts,
        "scenarios": {
            scenario.name: {
                "title": scenario.title,
                "medians": results.medians(scenario.name),
                "rounds": results.rounds.get(scenario.name, {}),
            }
            for scenario in results.scenarios
        },
        "targets": [verdict.to_json() for verdict in verdicts],
        "failures": results.failures,
    }
    as_json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    as_markdown = folder / "serve.md"
    as_markdown.write_text(_markdown(results, verdicts, facts))
    return [as_json, as_markdown]


def _markdown(results: Results, verdicts: list[Verdict], facts: dict[str, Any]) -> str:
    machine, versions = facts["machine"], facts["versions"]
    parts = [
        "# Server benchmark",
        f"`{facts['command']}` on {facts['date']}: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory']}, {machine['kernel']}. The server has one core, the load client another. "
        f"Medians of {facts['rounds']} interleaved rounds, each with fresh processes. CPU is user and system "
        "time of the server's whole process tree. The time to a first event begins when all streams are "
        "wanted, so a client that waits in a queue is counted. Figures differ between machines and days; "
        "only ratios within one run count.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
    ]
    for scenario in results.scenarios:
        if results.rounds.get(scenario.name):
            parts += [f"## {scenario.title}", format_markdown(table(results, scenario))]
    parts += ["## Targets", format_markdown(verdict_rows(verdicts))]
    if results.failures:
        parts += ["## Failures", "\n".join(f"- {failure.splitlines()[0]}" for failure in results.failures)]
    return "\n\n".join(parts) + "\n"


def today() -> str:
    """The date of the run, as ISO 8601 has it."""
    return datetime.datetime.now(tz=datetime.UTC).date().isoformat()
