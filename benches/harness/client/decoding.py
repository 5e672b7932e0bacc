"""Decoding: the bytes of a stream to Python objects, on every shape of ``tests/vectors/shapes.json``."""

import json
from dataclasses import dataclass
from typing import Final

from harness.cores import Cores, bound_to
from harness.paths import VECTORS
from harness.results import Metrics
from harness.scenario import CPU, Scenario
from harness.targets import Target, cpu_target
from harness.worker import run_worker

DEADLINE_S: Final = 300.0
QUICK_SCALE: Final = 0.1
ITER_JSON: Final = "streamactions-iter-json"
ITER_EVENTS: Final = "streamactions-iter-events"

DECODERS: Final = {
    ITER_JSON: "streamactions, iter_json",
    ITER_EVENTS: "streamactions, iter_events",
    "streamactions-feed-json": "streamactions, feed_json",
    "streamactions-feed": "streamactions, feed",
    "split-orjson": "split and orjson",
    "httpx-sse": "httpx-sse",
    "openai": "openai SDK",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeScenario(Scenario):
    """One shape.

    Attributes:
        shape: its name in the vectors.
        scale: how long it is, as a part of its full length.
        is_json: whether the data of its events is JSON, and is parsed.
    """

    shape: str
    scale: float
    is_json: bool

    @property
    def ours(self) -> str:
        """Which way of ours is the one to take for it."""
        return ITER_JSON if self.is_json else ITER_EVENTS


def make_decode_scenarios(*, is_quick: bool) -> tuple[DecodeScenario, ...]:
    """All shapes at full length, or at one that only shows that everything works."""
    shapes = json.loads((VECTORS / "shapes.json").read_text(encoding="utf-8"))
    return tuple(
        DecodeScenario(
            f"decode-{shape['name'].replace('_', '-')}",
            f"Decode {shape['name'].replace('_', ' ')}: {shape['why']}",
            (CPU,),
            shape=shape["name"],
            scale=QUICK_SCALE if is_quick else 1.0,
            is_json="{" in "".join(part["text"] for part in shape["parts"]),
        )
        for shape in shapes
    )


def measure_decoding(scenario: DecodeScenario, cores: Cores) -> dict[str, Metrics]:
    """One turn of all decoders, in a fresh process.

    Raises:
        RunError: one gave other values than the others, or too few.
    """
    plan = {"shape": scenario.shape, "scale": scenario.scale, "is_json": scenario.is_json}
    with bound_to(cores.measured):
        report = run_worker("decoders", plan, deadline_s=DEADLINE_S)
    return {name: {CPU: report[name]} for name in DECODERS if name in report}


def decode_targets() -> tuple[Target, ...]:
    """What was promised for each shape."""
    return tuple(
        cpu_target(scenario.name, 1 / times, peer, ours=scenario.ours)
        for scenario in make_decode_scenarios(is_quick=False)
        for peer, times in (("httpx-sse", 8), ("openai", 15))
    )
