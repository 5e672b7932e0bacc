"""The server benchmark: ``python3 benches/serve.py``, or ``make bench``.

Servers take turns within each round of a scenario, so that what slows the machine down for a
while meets all of them. Every run checks each event; one that is wrong, missing or out of order
fails the run, and a failed run fails the benchmark.
"""

import argparse
import os
import resource
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from harness.chart import draw_chart
from harness.environment import has_node, prepare, read_build_info, read_versions
from harness.errors import BenchError, RunError
from harness.measure import measure
from harness.paths import BUILD, RESULTS
from harness.progress import Progress
from harness.results import Results, format_text, read_machine, table, today, verdict_rows, write_files
from harness.scenarios import Scenario, make_scenarios
from harness.servers import SERVERS, Server
from harness.targets import check_targets

ROUNDS: Final = 3
SPARE_FILES: Final = 200


def read_arguments() -> argparse.Namespace:
    names = [scenario.name for scenario in make_scenarios(is_quick=True)]
    parser = argparse.ArgumentParser(description="Measure streamactions and its peers, side by side.")
    parser.add_argument("--rounds", type=int, help=f"rounds; the median counts (default: {ROUNDS})")
    parser.add_argument("--scenario", action="append", choices=names, help="only this one; repeatable")
    parser.add_argument(
        "--server",
        action="append",
        choices=[server.name for server in SERVERS],
        help="only this one; repeatable",
    )
    parser.add_argument("--quick", action="store_true", help="small loads, one round: shows that all works")
    parser.add_argument(
        "--out", type=Path, help="folder for the results (default: benches/results for a full run)"
    )
    arguments = parser.parse_args()
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


def choose_cores() -> tuple[int, int]:
    """The server's core and the client's; this process moves to the client's."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("two cores are needed, one for the server and one for the client")
    os.sched_setaffinity(0, {cores[1]})
    return cores[0], cores[1]


def raise_file_limit(scenarios: list[Scenario]) -> None:
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


def run_all(scenarios: list[Scenario], servers: list[Server], rounds: int, core: int) -> Results:
    runs = [
        (scenario, number, server)
        for scenario in scenarios
        for number in range(1, rounds + 1)
        for server in servers
        if not scenario.only or server.name in scenario.only
    ]
    if not runs:
        raise BenchError("none of these servers takes part in these scenarios")
    results = Results(tuple(scenarios))
    progress = Progress(len(runs))
    with tempfile.TemporaryDirectory(prefix="streamactions-bench-") as folder:
        log = Path(folder) / "server.log"
        for scenario, number, server in runs:
            what = f"{scenario.name}, round {number}/{rounds}: {server.name}"
            progress.begin(what)
            try:
                results.add(scenario.name, server.name, measure(server, scenario, core=core, log=log))
            except RunError as error:
                results.failures.append(f"{what}: {error}")
                progress.note(f"FAILED {results.failures[-1]}")
    progress.finish()
    return results


def main() -> int:
    arguments = read_arguments()
    wanted = arguments.scenario
    scenarios = [s for s in make_scenarios(is_quick=arguments.quick) if wanted is None or s.name in wanted]
    rounds = arguments.rounds or (1 if arguments.quick else ROUNDS)
    is_full = not arguments.quick and wanted is None and arguments.server is None
    folder = arguments.out or (RESULTS if is_full else BUILD / "results")
    prepare()
    raise_file_limit(scenarios)
    servers = choose_servers(arguments.server)
    server_core, client_core = choose_cores()
    results = run_all(scenarios, servers, rounds, server_core)
    verdicts = check_targets(results.rounds)
    machine = read_machine()
    facts: dict[str, Any] = {
        "date": today(),
        "command": shlex.join(["python3", "benches/serve.py", *sys.argv[1:]]),
        "rounds": rounds,
        "cores": {"server": server_core, "client": client_core},
        "machine": machine,
        "versions": read_versions(),
        "build": read_build_info(),
    }
    written = write_files(folder, results, verdicts, facts)
    caption = f"{facts['date']}, {machine['cpu']}, one core, medians of {rounds}: {facts['command']}"
    chart = draw_chart(results, caption)
    if chart is not None:
        written.append(folder / "serve.svg")
        written[-1].write_text(chart)
    for scenario in scenarios:
        if results.rounds.get(scenario.name):
            print(f"\n{scenario.title}\n{format_text(table(results, scenario))}")
    print(f"\nTargets\n{format_text(verdict_rows(verdicts))}\n")
    for path in written:
        print(f"wrote {path}")
    if results.failures:
        print(f"\n{len(results.failures)} runs failed:", *results.failures, sep="\n  ")
    return 1 if results.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")
