"""The relay benchmark: ``python3 benches/relay.py``; ``make bench-client`` runs it with ``client.py``.

Every reader must have had every token of every stream, and its end; else the run fails, and a failed
run fails the benchmark.
"""

import sys
from functools import partial
from typing import Final

from harness.chart import Chart
from harness.command import choose_folder, choose_rounds, exit_with, make_parser
from harness.cores import choose_cores
from harness.environment import has_nginx, prepare, read_nginx_version, read_versions
from harness.errors import BenchError
from harness.facts import read_facts
from harness.relay.measure import measure_relay
from harness.relay.relays import RELAYS, Relay
from harness.relay.scenarios import make_relay_scenarios
from harness.relay.targets import TARGETS
from harness.report import Benchmark, Report
from harness.rounds import Run, run_rounds
from harness.tables import table

PACKAGES: Final = (
    "granian",
    "aiohttp",
    "fastapi",
    "starlette",
    "uvicorn",
    "openai",
    "httpx2",
    "uvloop",
    "orjson",
    "pydantic",
)
BENCHMARK: Final = Benchmark(
    name="relay",
    title="Relay benchmark",
    method="The relay has one core, the upstream and the readers another. CPU and memory are those of the "
    "relay's whole process tree. nginx passes bytes on; the others parse each event and write one of their "
    "own.",
    titles={relay.name: relay.title for relay in RELAYS},
    targets=TARGETS,
    chart=Chart("Relay", ("spaced", "single", "burst")),
)


def choose_relays(names: list[str] | None) -> list[Relay]:
    relays = [relay for relay in RELAYS if names is None or relay.name in names]
    if not has_nginx() and any(relay.is_nginx for relay in relays):
        print("nginx is not installed: its rows are left out", file=sys.stderr)
        relays = [relay for relay in relays if not relay.is_nginx]
    if not relays:
        raise BenchError("no relay is left to measure")
    return relays


def main() -> int:
    parser = make_parser("Measure whole relays, side by side.")
    parser.add_argument(
        "--relay",
        action="append",
        choices=[relay.name for relay in RELAYS],
        help="only this one; repeatable",
    )
    arguments = parser.parse_args()
    rounds = choose_rounds(arguments)
    scenarios = make_relay_scenarios(is_quick=arguments.quick)
    relays = choose_relays(arguments.relay)
    prepare()
    cores = choose_cores()
    runs = [
        Run(scenario.name, relay.name, partial(measure_relay, relay, scenario, cores))
        for scenario in scenarios
        for relay in relays
    ]
    results = run_rounds(runs, rounds)
    versions = read_versions(*PACKAGES) | read_nginx_version()
    facts = read_facts(BENCHMARK.name, rounds=rounds, cores=cores, versions=versions)
    tables = {scenario.title: table("relay", scenario, results, BENCHMARK.titles) for scenario in scenarios}
    report = Report(BENCHMARK, facts, scenarios, results, tables)
    return report.publish(choose_folder(arguments, is_partial=arguments.relay is not None))


if __name__ == "__main__":
    exit_with(main)
