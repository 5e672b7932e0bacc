"""What came out: figures by scenario and contestant, and their medians."""

from dataclasses import dataclass, field
from statistics import median
from typing import Final

OURS: Final = "streamactions"
"""The contestant that the others are compared with; names of its variants begin with it."""

Metrics = dict[str, float]
Rounds = dict[str, dict[str, list[Metrics]]]


@dataclass(slots=True)
class Results:
    """Everything that was measured.

    Attributes:
        rounds: by scenario and contestant, the metrics of each round that succeeded.
        failures: what was wrong with each run that did not; the first line says it in short.
    """

    rounds: Rounds = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, scenario: str, contestant: str, metrics: Metrics) -> None:
        """Take in one run."""
        self.rounds.setdefault(scenario, {}).setdefault(contestant, []).append(metrics)

    def medians(self, scenario: str) -> dict[str, Metrics]:
        """The median of each metric over the rounds, by contestant."""
        return {name: _median(rounds) for name, rounds in self.rounds.get(scenario, {}).items()}

    def first_lines_of_failures(self) -> list[str]:
        """The failures in short."""
        return [failure.splitlines()[0] for failure in self.failures]


def _median(rounds: list[Metrics]) -> Metrics:
    return {name: median(metrics[name] for metrics in rounds) for name in rounds[0]}
