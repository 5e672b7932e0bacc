"""What the server has promised."""

from typing import Final

from harness.results import Metrics
from harness.targets import Target, cpu_target, figure_target, ratio_target, stalled_targets


def _latency(scenario: str, peer: str) -> Target:
    return ratio_target(scenario, "send_to_read_p50_us", 1.1, peer, words="send to read p50")


def _more_memory(ours: Metrics, peer: Metrics) -> float:
    return ours["kib_per_stream"] - peer["kib_per_stream"]


def _gap_with_and_without(ours: Metrics, _: Metrics) -> float:
    return ours["gap_p99_ms"] / ours["gap_p99_ms_without"]


TARGETS: Final = (
    cpu_target("burst", 0.6, "granian-rsgi"),
    cpu_target("burst", 1 / 80, "fastapi"),
    cpu_target("burst", 1 / 9, "nuxt-actions"),
    cpu_target("spaced", 1.0, "granian-asgi"),
    cpu_target("spaced", 1 / 9, "fastapi"),
    cpu_target("spaced", 0.45, "sse-starlette"),
    cpu_target("spaced", 0.5, "nuxt-actions"),
    cpu_target("short", 1.0, "granian-asgi"),
    cpu_target("short", 1 / 12, "fastapi"),
    cpu_target("short", 1 / 4, "nuxt-actions"),
    cpu_target("many", 1.1, "granian-asgi"),
    Target("many", "memory a stream - granian-asgi", 4.0, " KiB", _more_memory, peer="granian-asgi"),
    ratio_target("many", "first_event_p99_ms", 1.2, "granian-asgi", words="first event p99"),
    _latency("lone", "granian-asgi"),
    _latency("lone", "uvicorn"),
    _latency("lone-busy", "granian-asgi"),
    _latency("lone-busy", "uvicorn"),
    *stalled_targets("stalled"),
    Target("stalled", "gap p99 of the others, with / without", 2.0, " x", _gap_with_and_without),
    figure_target("tight", "gap_p99_ms", 25.0, " ms", words="gap p99 of the others"),
)
