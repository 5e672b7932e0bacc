"""The server benchmark: ``python3 benches/serve.py``; ``make bench`` runs it with the others.

Every run checks each event; one that is wrong, missing or out of order fails the run, and a failed
run fails the benchmark.
"""

import argparse
import resource
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from harness.chart import Chart
from harness.command import choose_folder, choose_rounds, exit_with, make_parser
from harness.cores import Cores, choose_cores
from harness.environment import has_node, prepare, read_node_versions, read_versions
from harness.errors import BenchError
from harness.facts import read_facts
from harness.report import Benchmark, Report
from harness.results import Metrics, Results
from harness.rounds import Run, run_rounds
from harness.serve.measure import measure
from harness.serve.scenarios import ServeScenario, make_scenarios
from harness.serve.servers import SERVERS, Server
from harness.serve.targets import TARGETS
from harness.tables import table

SPARE_FILES: Final = 200
PACKAGES: Final = (
    "granian",
    "uvicorn",
    "starlette",
    "sse-starlette",
    "fastapi",
    "litestar",
    "aiohttp",
    "uvloop",
    "rloop",
    "orjson",
    "pydantic",
)
BENCHMARK: Final = Benchmark(
    name="serve",
    title="Server benchmark",
    method="The server has one core, the load client another. CPU is user and system time of the server's "
    "whole process tree. The time to a first event begins when all streams are wanted, so a client that "
    "waits in a queue is counted.",
    titles={server.name: server.title for server in SERVERS},
    targets=TARGETS,
    chart=Chart("Server", ("burst", "spaced", "short", "many")),
)


def read_arguments() -> argparse.Namespace:
    parser = make_parser("Measure streamactions and its peers, side by side.")
    names = [scenario.name for scenario in make_scenarios(is_quick=True)]
    parser.add_argument("--scenario", action="append", choices=names, help="only this one; repeatable")
    parser.add_argument(
        "--server",
        action="append",
        choices=[server.name for server in SERVERS],
        help="only this one; repeatable",
    )
    return parser.parse_args()


def raise_file_limit(scenarios: list[ServeScenario]) -> None:
    """A stream takes one open file on either side; children inherit the limit."""
    phases = [groups for scenario in scenarios for groups in scenario.phases.values()]
    needed = max(sum(group.streams for group in groups) for groups in phases) + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BenchError(f"{needed:,} open files are needed and {hard:,} allowed: run 'ulimit -Hn {needed}'")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        print(f"raised the limit of open files from {soft:,} to {needed:,}", file=sys.stderr)


def choose_servers(names: list[str] | None) -> list[Server]:
    servers = [server for server in SERVERS if names is None or server.name in names]
    if not has_node() and any(server.needs_node for server in servers):
        print("Node is not installed: its rows are left out", file=sys.stderr)
        servers = [server for server in servers if not server.needs_node]
    if not servers:
        raise BenchError("no server is left to measure")
    return servers


def run_all(scenarios: list[ServeScenario], servers: list[Server], rounds: int, cores: Cores) -> Results:
    with tempfile.TemporaryDirectory(prefix="streamactions-bench-") as folder:
        log = Path(folder) / "server.log"

        def run(server: Server, scenario: ServeScenario) -> dict[str, Metrics]:
            return {server.name: measure(server, scenario, core=cores.measured, log=log)}

        runs = [
            Run(scenario.name, server.name, partial(run, server, scenario))
            for scenario in scenarios
            for server in servers
            if not scenario.only or server.name in scenario.only
        ]
        return run_rounds(runs, rounds)


def main() -> int:
    arguments = read_arguments()
    wanted = arguments.scenario
    scenarios = [s for s in make_scenarios(is_quick=arguments.quick) if wanted is None or s.name in wanted]
    rounds = choose_rounds(arguments)
    is_partial = wanted is not None or arguments.server is not None
    prepare()
    raise_file_limit(scenarios)
    servers = choose_servers(arguments.server)
    cores = choose_cores()
    results = run_all(scenarios, servers, rounds, cores)
    versions = read_versions(*PACKAGES) | read_node_versions()
    tables = {scenario.title: table("server", scenario, results, BENCHMARK.titles) for scenario in scenarios}
    facts = read_facts(BENCHMARK.name, rounds=rounds, cores=cores, versions=versions)
    report = Report(BENCHMARK, facts, scenarios, results, tables)
    return report.publish(choose_folder(arguments, is_partial=is_partial))


if __name__ == "__main__":
    exit_with(main)
