"""Figures as tables, for a terminal and for a page."""

from collections.abc import Iterable, Mapping

from harness.results import Results
from harness.scenario import METRICS, Scenario
from harness.targets import Verdict

Rows = list[list[str]]
"""The heading first."""


def format_figure(value: float | None) -> str:
    """Three digits that matter."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(kind: str, scenario: Scenario, results: Results, titles: Mapping[str, str]) -> Rows:
    """One scenario: a row for each contestant, a column for each metric."""
    rows = [[kind, *(METRICS[column] for column in scenario.columns)]]
    for name, metrics in results.medians(scenario.name).items():
        rows.append([titles[name], *(format_figure(metrics.get(column)) for column in scenario.columns)])
    return rows


def metric_table(
    kind: str, metric: str, scenarios: Iterable[Scenario], results: Results, titles: Mapping[str, str]
) -> Rows:
    """One metric: a row for each scenario, a column for each contestant."""
    measured = (scenario for scenario in scenarios if results.rounds.get(scenario.name))
    medians = {scenario.short_title: results.medians(scenario.name) for scenario in measured}
    names = [name for name in titles if any(name in of_scenario for of_scenario in medians.values())]
    rows = [[kind, *(titles[name] for name in names)]]
    for title, of_scenario in medians.items():
        figures = (of_scenario.get(name, {}).get(metric) for name in names)
        rows.append([title, *map(format_figure, figures)])
    return rows


def verdict_rows(verdicts: Iterable[Verdict]) -> Rows:
    """Targets."""
    rows = [["target", "wanted", "measured", "verdict"]]
    for verdict in verdicts:
        measured = "-" if verdict.measured is None else f"{format_figure(verdict.measured)}{verdict.unit}"
        wanted = f"≤ {format_figure(verdict.limit)}{verdict.unit}"
        rows.append([verdict.what, wanted, measured, verdict.word])
    return rows


def format_text(rows: Rows) -> str:
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


def format_markdown(rows: Rows) -> str:
    """A table for a page."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]])
