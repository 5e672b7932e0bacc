"""Rounds: contestants take turns, so that what slows the machine down for a while meets all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from harness.errors import BenchError, RunError
from harness.progress import Progress
from harness.results import Metrics, Results

ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One turn in each round of a scenario.

    Attributes:
        scenario: the scenario's name.
        what: who has the turn, for the progress bar.
        measure: gives the metrics by contestant; raises `RunError` where the run went wrong.
    """

    scenario: str
    what: str
    measure: Callable[[], dict[str, Metrics]]


def run_rounds(runs: Sequence[Run], rounds: int) -> Results:
    """Scenario after scenario, round after round, all turns of each; a failed run stops no other.

    Args:
        runs: those of one scenario follow each other.
        rounds: how many.

    Raises:
        BenchError: there is nothing to run.
    """
    if not runs:
        raise BenchError("nothing of that takes part in these scenarios")
    results = Results()
    progress = Progress(len(runs) * rounds)
    for scenario, group in groupby(runs, lambda run: run.scenario):
        turns = list(group)
        for number in range(1, rounds + 1):
            for run in turns:
                what = f"{scenario}, round {number}/{rounds}: {run.what}"
                progress.begin(what)
                try:
                    for contestant, metrics in run.measure().items():
                        results.add(scenario, contestant, metrics)
                except RunError as error:
                    results.failures.append(f"{what}: {error}")
                    progress.note(f"FAILED {results.failures[-1]}")
    progress.finish()
    return results
