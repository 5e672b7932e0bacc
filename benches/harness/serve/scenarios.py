"""The scenarios: which streams are opened, on which servers, and what is read from them.

A scenario has one or two phases, run against the same server process. A phase is a list of
groups of streams, in the words of the load client's plan.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from harness.results import OURS
from harness.scenario import CPU, ENDLESS, Scenario
from harness.serve.servers import SERVERS, Server

STALLED_TEXT: Final = "x" * 200
"""Longer than a token, so that the kernel's buffers fill soon."""


@dataclass(frozen=True, slots=True)
class Group:
    """Streams that ask for the same."""

    name: str
    streams: int
    body: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """How many events its streams must give together."""
        return self.streams * int(self.body["count"])

    @property
    def stalls(self) -> bool:
        """Whether its clients stop reading, so that their events are not counted."""
        return bool(self.options.get("stall"))

    def plan(self, server: Server) -> dict[str, Any]:
        """The group as the load client reads it."""
        return {
            "name": self.name,
            "streams": self.streams,
            "path": server.path,
            "body": self.body,
            "end": server.end,
            **self.options,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeScenario(Scenario):
    """One kind of load.

    Attributes:
        phases: groups by the phase's name; the last phase is the one that is measured, and its
            first group gives the latencies.
        only: the servers that take part; all of them where it is empty.
    """

    phases: dict[str, tuple[Group, ...]]
    only: tuple[str, ...] = ()


def _body(count: int, interval_s: float = 0.0, text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"count": count, "text": text, "interval_s": interval_s, **more}


def make_scenarios(*, is_quick: bool) -> tuple[ServeScenario, ...]:
    """The scenarios at full size, or at one that only shows that everything works."""

    def size(full: int, quick: int) -> int:
        return quick if is_quick else full

    def even(name: str, title: str, streams: int, count: int, interval_s: float, *more: str) -> ServeScenario:
        unit = f", {interval_s * 1000:g} ms apart" if interval_s else ", no pause"
        groups = (Group("streams", streams, _body(count, interval_s)),)
        columns = (CPU, "wall_s", "first_event_p99_ms", *more)
        full_title = f"{title}: {streams:,} streams x {count:,}{unit}"
        return ServeScenario(name, full_title, columns, phases={"load": groups})

    ordinary = Group("ordinary", size(20, 5), _body(size(500, 25), 0.02))
    stalled = Group("stalled", size(100, 10), _body(ENDLESS, text=STALLED_TEXT), {"stall": True})
    paced = Group("paced", size(20, 5), _body(size(200, 50), 0.02), {"gaps_while": "tight"})
    tight = Group("tight", 1, _body(size(1_000_000, 20_000)), {"opens_after": "paced"})
    lone_columns = ("send_to_read_p50_us", "send_to_read_p99_us", CPU)
    return (
        even("burst", "Burst", size(50, 10), size(4000, 200), 0.0),
        even("spaced", "Spaced", size(500, 50), size(150, 20), 0.02, "gap_p99_ms"),
        even("short", "Short", size(400, 50), 10, 0.0),
        even(
            "many",
            "Many",
            size(10_000, 200),
            size(6, 3),
            1.0 if not is_quick else 0.1,
            "peak_mib",
            "kib_per_stream",
        ),
        ServeScenario(
            "lone",
            f"Lone token: one stream, {size(200, 20)} events 20 ms apart, from send to the client's read",
            lone_columns,
            phases={"load": (Group("streams", 1, _body(size(200, 20), 0.02, stamp=True)),)},
            # The output model has no field for the server's clock.
            only=tuple(server.name for server in SERVERS if server.name != "streamactions-output"),
        ),
        ServeScenario(
            "lone-busy",
            f"Lone token, busy: {size(200, 20)} events, 10 ms of computing before each and no other await",
            lone_columns[:2],
            phases={"load": (Group("streams", 1, _body(size(200, 20), busy_s=0.01, stamp=True)),)},
            # The others hand over between two turns of the event loop, and here it does not turn.
            only=("floor-each", OURS, "granian-rsgi", "granian-asgi", "uvicorn", "aiohttp"),
        ),
        ServeScenario(
            "stalled",
            f"Stalled readers: {stalled.streams} clients stop reading while their handlers send for ever, "
            f"beside {ordinary.streams} ordinary streams",
            ("kib_per_stalled_stream", "stalled_growth_kib", "gap_p99_ms_without", "gap_p99_ms"),
            phases={
                "without": (ordinary,),
                "with": (
                    Group("ordinary", ordinary.streams, ordinary.body, {"opens_after": "stalled"}),
                    stalled,
                ),
            },
            # RSGI has no backpressure: the machine's memory would end before the run.
            only=(OURS, "granian-asgi", "uvicorn", "aiohttp", "starlette", "node"),
        ),
        ServeScenario(
            "tight",
            f"Tight producer: one handler sends {int(tight.body['count']):,} chunks without any other await, "
            f"beside {paced.streams} streams at 20 ms",
            ("gap_p99_ms", "gap_max_ms", "wall_s"),
            phases={"load": (paced, tight)},
            # Frameworks take minutes for so many chunks.
            only=(OURS, "granian-asgi", "granian-rsgi", "uvicorn", "aiohttp", "node"),
        ),
    )


def warm_up(server: Server) -> dict[str, Any]:
    """A little of everything before the measurement: imports, code caches, first allocations."""
    return Group("warm-up", 20, _body(20)).plan(server)
