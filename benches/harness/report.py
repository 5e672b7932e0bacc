"""The report of a benchmark: what it prints, and the files that it writes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.chart import Chart, draw_chart
from harness.results import Results
from harness.scenario import Scenario
from harness.tables import Rows, format_markdown, format_text, verdict_rows
from harness.targets import Target, Verdict


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is the same for all its runs.

    Attributes:
        name: the command's, and so the files'.
        title: for readers.
        method: how its figures are taken, for readers.
        titles: the contestants', in the order of the chart's rows.
        targets: what was promised.
        chart: what is drawn.
    """

    name: str
    title: str
    method: str
    titles: Mapping[str, str]
    targets: Sequence[Target]
    chart: Chart


@dataclass(frozen=True, slots=True)
class Report:
    """One run of a benchmark.

    Attributes:
        benchmark: which.
        facts: what is known of the run as a whole, see ``facts``.
        scenarios: those that were asked for.
        results: what was measured.
        tables: what readers are shown of it, by title.
    """

    benchmark: Benchmark
    facts: dict[str, Any]
    scenarios: Sequence[Scenario]
    results: Results
    tables: dict[str, Rows]

    def publish(self, folder: Path) -> int:
        """Write the files, print the tables; returns the command's exit status.

        A failed run fails the benchmark. A target that was missed does not: it is a finding.
        """
        verdicts = [target.check(self.results.rounds) for target in self.benchmark.targets]
        written = self._write(folder, verdicts)
        for title, rows in self._filled_tables():
            print(f"\n{title}\n{format_text(rows)}")
        print(f"\nTargets\n{format_text(verdict_rows(verdicts))}\n")
        for path in written:
            print(f"wrote {path}")
        failures = self.results.first_lines_of_failures()
        if failures:
            print(f"\n{len(failures)} runs failed:", *failures, sep="\n  ")
        return 1 if failures else 0

    def _write(self, folder: Path, verdicts: list[Verdict]) -> list[Path]:
        texts = {
            "json": json.dumps(self._document(verdicts), indent=2, ensure_ascii=False) + "\n",
            "md": self._markdown(verdicts),
            "svg": self._chart(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for kind, text in texts.items():
            if text is not None:
                paths.append(folder / f"{self.benchmark.name}.{kind}")
                paths[-1].write_text(text)
        return paths

    def _filled_tables(self) -> list[tuple[str, Rows]]:
        """Those that have more than a heading: where all runs failed, the failures say so."""
        return [(title, rows) for title, rows in self.tables.items() if len(rows) > 1]

    def _document(self, verdicts: list[Verdict]) -> dict[str, Any]:
        return {
            **self.facts,
            "scenarios": {
                scenario.name: {
                    "title": scenario.title,
                    "medians": self.results.medians(scenario.name),
                    "rounds": self.results.rounds.get(scenario.name, {}),
                }
                for scenario in self.scenarios
            },
            "targets": [verdict.to_json() for verdict in verdicts],
            "failures": self.results.failures,
        }

    def _markdown(self, verdicts: list[Verdict]) -> str:
        facts, machine = self.facts, self.facts["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
        parts = [
            f"# {self.benchmark.title}",
            f"`{facts['command']}` on {facts['date']}: {machine['cpu']}, {machine['cores']} cores, "
            f"{machine['memory']}, {machine['kernel']}. {self.benchmark.method} Medians of {facts['rounds']} "
            "interleaved rounds, each with fresh processes. Figures differ between machines and days; only "
            "ratios within one run count.",
            f"Versions: {versions}.",
        ]
        for title, rows in self._filled_tables():
            parts += [f"## {title}", format_markdown(rows)]
        parts += ["## Targets", format_markdown(verdict_rows(verdicts))]
        if self.results.failures:
            failures = (f"- {failure}" for failure in self.results.first_lines_of_failures())
            parts += ["## Failures", "\n".join(failures)]
        return "\n\n".join(parts) + "\n"

    def _chart(self) -> str | None:
        facts = self.facts
        caption = (
            f"{facts['date']}, {facts['machine']['cpu']}, one core, "
            f"medians of {facts['rounds']}: {facts['command']}"
        )
        return draw_chart(self.benchmark.chart, self.scenarios, self.results, self.benchmark.titles, caption)
