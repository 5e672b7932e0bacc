"""Reading: many streams at once, over HTTP, by one process."""

import tempfile
from pathlib import Path
from typing import Final

from harness.cores import Cores, bound_to
from harness.results import Metrics
from harness.scenario import CPU
from harness.targets import cpu_target
from harness.upstream import WARM_UP, Answer, UpstreamScenario, make_upstream_scenario, run_upstream
from harness.worker import run_worker

DEADLINE_S: Final = 300.0
OURS_OVER_HYPER: Final = "streamactions-hyper"

READERS: Final = {
    OURS_OVER_HYPER: "streamactions, HyperTransport",
    "streamactions-aiohttp": "streamactions, aiohttp",
    "aiohttp-bytes": "aiohttp, raw bytes",
    "httpx-sse": "httpx-sse",
    "openai": "openai SDK",
}

TARGETS: Final = (
    cpu_target("read-spaced", 0.7, "aiohttp-bytes", ours=OURS_OVER_HYPER),
    cpu_target("read-spaced", 1 / 8, "httpx-sse", ours=OURS_OVER_HYPER),
    cpu_target("read-burst", 1.2, "aiohttp-bytes", ours=OURS_OVER_HYPER),
)


def make_read_scenarios(*, is_quick: bool) -> tuple[UpstreamScenario, ...]:
    """The scenarios at full size, or at one that only shows that everything works."""
    columns = (CPU, "wall_s")
    spaced = Answer(10 if is_quick else 100, interval_ms=20)
    burst = Answer(1_000 if is_quick else 10_000)
    return (
        make_upstream_scenario("read-spaced", "Read spaced", columns, streams=200, answer=spaced),
        make_upstream_scenario("read-burst", "Read burst", columns, streams=20, answer=burst),
    )


def measure_reading(reader: str, scenario: UpstreamScenario, cores: Cores) -> dict[str, Metrics]:
    """One turn of one reader, in a fresh process, from a fresh upstream.

    Raises:
        RunError: it had not every event of every stream.
    """
    with (
        tempfile.TemporaryDirectory(prefix="streamactions-bench-") as folder,
        run_upstream(cores.load, Path(folder)) as base_url,
        bound_to(cores.measured),
    ):
        plan = {
            "reader": reader,
            "base_url": base_url,
            "warm_up": WARM_UP.body(),
            "body": scenario.answer.body(),
            "streams": scenario.streams,
            "events": scenario.answer.events,
        }
        return {reader: run_worker("readers", plan, deadline_s=DEADLINE_S)}
