"""A scenario as a reader of the results sees it."""

from dataclasses import dataclass
from typing import Final

ENDLESS: Final = 10**12
"""So many events are never reached: who sends them sends for ever."""

CPU: Final = "cpu_us_per_event"

METRICS: Final = {
    CPU: "CPU per event, µs",
    "wall_s": "wall, s",
    "first_event_p99_ms": "first event p99, ms",
    "gap_p99_ms": "gap p99, ms",
    "gap_max_ms": "gap max, ms",
    "gap_p99_ms_without": "gap p99 without, ms",
    "send_to_read_p50_us": "send to read p50, µs",
    "send_to_read_p99_us": "send to read p99, µs",
    "peak_mib": "peak memory, MiB",
    "kib_per_stream": "memory a stream, KiB",
    "kib_per_stalled_stream": "memory a stalled stream, KiB",
    "stalled_growth_kib": "its growth in the second half, KiB",
}
"""What a run can give, with the headings for readers."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load.

    Attributes:
        name: its name in tables, targets and options.
        title: what happens, for readers; what stands before the colon is its short title.
        columns: the metrics that its table shows, by their names in ``METRICS``.
    """

    name: str
    title: str
    columns: tuple[str, ...]

    @property
    def short_title(self) -> str:
        """What fits above a panel."""
        return self.title.partition(":")[0]
