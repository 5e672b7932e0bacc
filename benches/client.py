"""The client benchmark: ``python3 benches/client.py``; ``make bench-client`` runs it with ``relay.py``.

Every decoder must give the same values, and every reader every event; else the run fails, and a
failed run fails the benchmark.
"""

from functools import partial
from typing import Final

from harness.chart import Chart
from harness.client.decoding import DECODERS, decode_targets, make_decode_scenarios, measure_decoding
from harness.client.reading import READERS, TARGETS, make_read_scenarios, measure_reading
from harness.command import choose_folder, choose_rounds, exit_with, make_parser
from harness.cores import choose_cores
from harness.environment import prepare, read_versions
from harness.facts import read_facts
from harness.report import Benchmark, Report
from harness.rounds import Run, run_rounds
from harness.scenario import CPU, METRICS
from harness.tables import metric_table, table

PACKAGES: Final = ("aiohttp", "httpx", "httpx-sse", "httpx2", "openai", "orjson", "pydantic", "uvloop")
BENCHMARK: Final = Benchmark(
    name="client",
    title="Client benchmark",
    method="What is measured has one core, the upstream another. CPU is user and system time of the process, "
    "all its threads. What is decoded lies in memory; events are parsed as JSON (after `iter_events` and "
    "`feed` by `Event.json`) and dropped, or only decoded where their data is no JSON. `iter_…` take all "
    "reads in one loop, as the peers do; `feed…` is one call for each read. `split and orjson` is right for "
    "no stream but one of `data: …` lines that end with LF, and knows no bound. Reading parses each event as "
    "well, but for aiohttp's raw bytes.",
    titles=DECODERS | READERS,
    targets=(*decode_targets(), *TARGETS),
    chart=Chart("Client", ("decode-tiny-tokens", "decode-one-event-per-read", "read-spaced", "read-burst")),
)


def main() -> int:
    parser = make_parser("Measure decoding and reading, side by side with peers.")
    parser.add_argument("--only", choices=["decode", "read"], help="only this part")
    arguments = parser.parse_args()
    is_quick, rounds = arguments.quick, choose_rounds(arguments)
    decode = make_decode_scenarios(is_quick=is_quick) if arguments.only != "read" else ()
    read = make_read_scenarios(is_quick=is_quick) if arguments.only != "decode" else ()
    prepare()
    cores = choose_cores()
    runs = [
        *(Run(shape.name, "decoders", partial(measure_decoding, shape, cores)) for shape in decode),
        *(
            Run(scenario.name, reader, partial(measure_reading, reader, scenario, cores))
            for scenario in read
            for reader in READERS
        ),
    ]
    results = run_rounds(runs, rounds)
    titles = BENCHMARK.titles
    tables = {}
    if decode:
        tables[f"Decode: {METRICS[CPU]}"] = metric_table("shape", CPU, decode, results, titles)
    tables |= {scenario.title: table("reader", scenario, results, titles) for scenario in read}
    facts = read_facts(BENCHMARK.name, rounds=rounds, cores=cores, versions=read_versions(*PACKAGES))
    report = Report(BENCHMARK, facts, (*decode, *read), results, tables)
    return report.publish(choose_folder(arguments, is_partial=arguments.only is not None))


if __name__ == "__main__":
    exit_with(main)
