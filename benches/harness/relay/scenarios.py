"""What relays have to do: many streams at a pace, few at once, and streams that nobody reads on."""

from dataclasses import dataclass
from typing import Final

from harness.scenario import CPU, ENDLESS
from harness.upstream import Answer, UpstreamScenario, make_upstream_scenario

LONG_TEXT: Final = "token" * 40
"""Longer than a token, so that the kernel's buffers fill soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledScenario(UpstreamScenario):
    """Streams whose readers stop to read after the first bytes, for ``stall_s`` seconds."""

    stall_s: float


def make_relay_scenarios(*, is_quick: bool) -> tuple[UpstreamScenario, ...]:
    """The scenarios at full size, or at one that only shows that everything works."""
    columns = (CPU, "wall_s")
    spaced = Answer(20 if is_quick else 100, interval_ms=20)
    events = 400 if is_quick else 2_000
    single, burst = Answer(events, per_write=1), Answer(events)
    stalled, stall_s = (10, 2.0) if is_quick else (50, 10.0)
    return (
        make_upstream_scenario("spaced", "Spaced", columns, streams=200, answer=spaced),
        make_upstream_scenario("single", "Burst of single events", columns, streams=20, answer=single),
        make_upstream_scenario("burst", "Burst", columns, streams=20, answer=burst),
        StalledScenario(
            "stalled",
            f"Stalled readers: {stalled} stop to read for {stall_s:g} s while the upstream sends for ever",
            ("kib_per_stalled_stream", "stalled_growth_kib"),
            streams=stalled,
            answer=Answer(ENDLESS, text=LONG_TEXT),
            stall_s=stall_s,
        ),
    )
