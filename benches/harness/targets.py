"""What was promised, and whether a run kept it.

A ratio is taken within each round and its median counts, because what slows a machine down for a
while slows the neighbours in the same round down as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness.results import OURS, Metrics, Rounds
from harness.scenario import CPU


@dataclass(frozen=True, slots=True)
class Target:
    """An upper limit of one figure."""

    scenario: str
    what: str
    limit: float
    unit: str
    combine: Callable[[Metrics, Metrics], float]
    ours: str = OURS
    peer: str = OURS

    def check(self, rounds: Rounds) -> "Verdict":
        """Compare what was measured with the limit."""
        contestants = rounds.get(self.scenario, {})
        pairs = zip(contestants.get(self.ours, ()), contestants.get(self.peer, ()), strict=False)
        figures = [self.combine(ours, peer) for ours, peer in pairs]
        measured = median(figures) if figures else None
        return Verdict(f"{self.scenario}: {self.what}", self.limit, self.unit, measured)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured; ``None`` where the run left it out."""

    what: str
    limit: float
    unit: str
    measured: float | None

    @property
    def word(self) -> str:
        """Met, missed or not measured."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.limit else "missed"

    def to_json(self) -> dict[str, Any]:
        """For the results file."""
        return {"what": self.what, "limit": self.limit, "measured": self.measured, "verdict": self.word}


def ratio_target(
    scenario: str, metric: str, limit: float, peer: str, *, words: str, ours: str = OURS
) -> Target:
    """At most so many times what the peer takes."""

    def combine(ours: Metrics, peer: Metrics) -> float:
        return ours[metric] / peer[metric]

    return Target(scenario, f"{words} / {peer}", limit, " x", combine, ours, peer)


def cpu_target(scenario: str, limit: float, peer: str, *, ours: str = OURS) -> Target:
    """At most so many times the peer's CPU per event."""
    return ratio_target(scenario, CPU, limit, peer, words="CPU per event", ours=ours)


def figure_target(scenario: str, metric: str, limit: float, unit: str, *, words: str) -> Target:
    """At most that much, whatever the peers take."""
    return Target(scenario, words, limit, unit, lambda ours, _: ours[metric])


def stalled_targets(scenario: str) -> tuple[Target, Target]:
    """What streams may take whose readers have stopped to read: little, and no more as time goes by."""
    return (
        figure_target(scenario, "kib_per_stalled_stream", 256.0, " KiB", words="memory a stalled stream"),
        # What the allocator keeps moves by some pages; a stream that grows does so by far more.
        figure_target(scenario, "stalled_growth_kib", 4.0, " KiB", words="its growth in the second half"),
    )
