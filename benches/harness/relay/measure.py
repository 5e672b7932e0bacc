"""One run: a fresh upstream, a fresh relay, a scenario, and the figures that came out."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.cores import Cores
from harness.memory import MemorySampler
from harness.process import ServerProcess, find_free_port
from harness.relay.relays import Relay, relay_environment
from harness.relay.scenarios import StalledScenario
from harness.relay.stalled import StalledReaders
from harness.results import Metrics
from harness.scenario import CPU
from harness.upstream import WARM_UP, Answer, UpstreamScenario, run_upstream
from harness.worker import run_worker

DEADLINE_S: Final = 300.0
WARM_UP_STREAMS: Final = 20


def measure_relay(relay: Relay, scenario: UpstreamScenario, cores: Cores) -> dict[str, Metrics]:
    """Run a scenario once.

    Raises:
        RunError: a stream did not come whole, or the relay or the upstream has ended.
    """
    with _running(relay, cores) as process:
        _read_all(process, relay, WARM_UP_STREAMS, WARM_UP)
        if isinstance(scenario, StalledScenario):
            return {relay.name: _measure_stalled(process, relay, scenario)}
        cpu_ns = process.cpu_ns()
        wall_s = _read_all(process, relay, scenario.streams, scenario.answer)
        cpu_ns = process.cpu_ns() - cpu_ns
        return {relay.name: {CPU: cpu_ns / 1000 / scenario.events, "wall_s": wall_s}}


@contextmanager
def _running(relay: Relay, cores: Cores) -> Iterator[ServerProcess]:
    with tempfile.TemporaryDirectory(prefix="streamactions-bench-") as name:
        folder = Path(name)
        with run_upstream(cores.load, folder) as upstream_url:
            port = find_free_port()
            argv, env = relay.argv(port, folder, upstream_url), relay_environment(upstream_url)
            with ServerProcess(argv, port, cores.measured, folder / "relay.log", env) as process:
                process.wait_until_listening()
                yield process
                process.check_alive()


def _read_all(process: ServerProcess, relay: Relay, streams: int, answer: Answer) -> float:
    url = f"http://127.0.0.1:{process.port}{relay.path}"
    plan = {"url": url, "body": answer.body(), "streams": streams, "tokens": answer.events}
    wall_s: float = run_worker("downstream", plan, deadline_s=DEADLINE_S)["wall_s"]
    return wall_s


def _measure_stalled(process: ServerProcess, relay: Relay, scenario: StalledScenario) -> Metrics:
    base_bytes = process.rss_bytes()
    with StalledReaders(process.port, relay.path, scenario.answer.body(), scenario.streams) as readers:
        with MemorySampler(process) as memory:
            readers.open()
            time.sleep(scenario.stall_s)
        # Streams that had been cut would cost no memory either.
        readers.read_on()
    return memory.read_stalled(base_bytes, scenario.streams)
