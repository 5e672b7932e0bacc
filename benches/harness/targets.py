"""What the server has promised, and whether a run kept it.

A ratio is taken within each round and its median counts, because what slows a machine down for a
while slows the neighbours in the same round down as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from harness.measure import Metrics
from harness.servers import OURS

Rounds = dict[str, dict[str, list[Metrics]]]


@dataclass(frozen=True, slots=True)
class Target:
    """An upper limit of one figure."""

    scenario: str
    what: str
    limit: float
    unit: str
    combine: Callable[[Metrics, Metrics], float]
    peer: str = OURS

    def check(self, rounds: Rounds) -> "Verdict":
        """Compare what was measured with the limit."""
        servers = rounds.get(self.scenario, {})
        pairs = zip(servers.get(OURS, ()), servers.get(self.peer, ()), strict=False)
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


def _ratio(scenario: str, metric: str, limit: float, peer: str, words: str) -> Target:
    def combine(ours: Metrics, peer: Metrics) -> float:
        return ours[metric] / peer[metric]

    return Target(scenario, f"{words} / {peer}", limit, " x", combine, peer)


def _cpu(scenario: str, limit: float, peer: str) -> Target:
    return _ratio(scenario, "cpu_us_per_event", limit, peer, "CPU per event")


def _latency(scenario: str, peer: str) -> Target:
    return _ratio(scenario, "send_to_read_p50_us", 1.1, peer, "send to read p50")


def _more_memory(ours: Metrics, peer: Metrics) -> float:
    return ours["kib_per_stream"] - peer["kib_per_stream"]


def _gap_with_and_without(ours: Metrics, _: Metrics) -> float:
    return ours["gap_p99_ms"] / ours["gap_p99_ms_without"]


TARGETS: Final = (
    _cpu("burst", 0.6, "granian-rsgi"),
    _cpu("burst", 1 / 80, "fastapi"),
    _cpu("burst", 1 / 9, "nuxt-actions"),
    _cpu("spaced", 1.0, "granian-asgi"),
    _cpu("spaced", 1 / 9, "fastapi"),
    _cpu("spaced", 0.45, "sse-starlette"),
    _cpu("spaced", 0.5, "nuxt-actions"),
    _cpu("short", 1.0, "granian-asgi"),
    _cpu("short", 1 / 12, "fastapi"),
    _cpu("short", 1 / 4, "nuxt-actions"),
    _cpu("many", 1.1, "granian-asgi"),
    Target("many", "memory a stream - granian-asgi", 4.0, " KiB", _more_memory, "granian-asgi"),
    _ratio("many", "first_event_p99_ms", 1.2, "granian-asgi", "first event p99"),
    _latency("lone", "granian-asgi"),
    _latency("lone", "uvicorn"),
    _latency("lone-busy", "granian-asgi"),
    _latency("lone-busy", "uvicorn"),
    Target(
        "stalled", "memory a stalled stream", 256.0, " KiB", lambda ours, _: ours["kib_per_stalled_stream"]
    ),
    # What the allocator keeps moves by some pages; a stream that grows does so by far more.
    Target(
        "stalled", "its growth in the second half", 4.0, " KiB", lambda ours, _: ours["stalled_growth_kib"]
    ),
    Target("stalled", "gap p99 of the others, with / without", 2.0, " x", _gap_with_and_without),
    Target("tight", "gap p99 of the others", 25.0, " ms", lambda ours, _: ours["gap_p99_ms"]),
)


def check_targets(rounds: Rounds) -> list[Verdict]:
    """All targets, in their order."""
    return [target.check(rounds) for target in TARGETS]
