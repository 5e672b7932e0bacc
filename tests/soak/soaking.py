"""One round: warm up, look, let traffic and chaos go on, look again, stop with streams open."""

import asyncio
import itertools
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from cli.commands import Served, serve
from server.processes import FAULTS
from soak.chaos import Chaos, Deed, tell_deeds
from soak.clients import PREFIX, open_clients
from soak.holdings import Hold, Holdings, hold_own, most, rest
from soak.kinds import KINDS
from soak.progress import Progress
from soak.reading import End, Sort
from soak.traffic import Traffic
from soak.verdict import Interruptions, Verdict
from soak.workers import WORKERS, Workers

__all__ = ["DEFAULT_WIDTH", "Outcome", "soak"]

DEFAULT_WIDTH: Final = 40
"""Calls at once."""

WARM_UP_ROUNDS: Final = 4
"""How many calls of each kind are made before the first look: heaps, caches and pools have grown then."""

STREAMS_AT_STOP: Final = tuple(
    replace(kind, chunks=(30, 40), pause_s=0.05) for kind in KINDS if kind.may_end == {End.WHOLE}
)
"""What is open when the server is told to stop, and has to end whole."""

LOGGED_FAULTS: Final = ("Traceback", "not ended in time", "not end in time", "comes to no end")
"""What the server says of what nobody may have made here: no stream, and no handler, takes as long as a stop
may take."""

STREAMS_OF_A_LOOK: Final = 1
"""The stream by which a worker says what it holds."""

PROGRESS_INTERVAL_S: Final = 0.2
POLL_INTERVAL_S: Final = 0.02

_TESTS: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Outcome:
    """What a round has shown.

    Attributes:
        verdict: the faults and the sums.
        deeds: what was done to the workers.
        holdings: what each process holds at the end and has held at the start, one line each.
        log: what the server has said.
    """

    verdict: Verdict
    deeds: list[Deed]
    holdings: list[str]
    log: str


def soak(seconds: float, seed: int, width: int = DEFAULT_WIDTH) -> Outcome:
    """Run one round; it takes longer than its traffic.

    Args:
        seconds: how long calls are made.
        seed: what is drawn is drawn from it.
        width: how many calls are made at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        journal.touch()
        with serve(
            "soak.app:app",
            "--workers",
            str(WORKERS),
            cwd=_TESTS,
            env={"SOAK_JOURNAL": str(journal)},
            clean_log=False,
        ) as served:
            this_round = _Round(served, seed, width)
            asyncio.run(this_round.run(seconds))
        this_round.check_journal(journal.read_text())
    for fault in (*FAULTS, *LOGGED_FAULTS):
        for line in served.log.lines_with(fault):
            this_round.verdict.add_fault(Sort.SERVER, f"it has logged {line!r}")
    return Outcome(this_round.verdict, this_round.chaos.deeds, this_round.holdings, served.log.text())


class _Round:
    def __init__(self, served: Served, seed: int, width: int) -> None:
        self._served = served
        self._seed = seed
        self._width = width
        self._runs = itertools.count(1)
        self._carried_on: dict[int, int] = {}
        self._interruptions = Interruptions()
        self._workers = Workers(served.process.pid, served.url + PREFIX)
        self._holders: dict[str, Hold] = {
            "a worker": self._workers.hold,
            "the server's main process": self._workers.hold_main,
            "the soak's own process": hold_own,
        }
        self.holdings: list[str] = []
        self.verdict = Verdict(self._interruptions)
        self.chaos = Chaos(served.process.pid, self._workers, self._interruptions, Random(seed))

    async def run(self, seconds: float) -> None:
        asyncio.get_running_loop().set_exception_handler(self._note_loop_fault)
        progress = Progress(seconds)
        try:
            await self._run(seconds, progress)
        except TimeoutError as error:
            # Without its workers the server is asked for nothing more.
            self.verdict.add_fault(Sort.SERVER, str(error))
        finally:
            progress.finish()

    async def _run(self, seconds: float, progress: Progress) -> None:
        progress.show("warms up")
        await self._warm_up()
        for held in await rest(self._workers.hold, lambda held: held.streams == STREAMS_OF_A_LOOK):
            if held.streams != STREAMS_OF_A_LOOK:
                self.verdict.add_fault(
                    Sort.LEFT_OVER, f"the warm-up has left {held.streams - STREAMS_OF_A_LOOK} streams open"
                )
        references = {name: most(await hold()) for name, hold in self._holders.items()}
        await self._flow(seconds, progress)
        progress.show("looks at what is left over")
        for name, reference in references.items():
            await self._check_rest(name, reference)
        progress.show("stops")
        await self._stop()

    @asynccontextmanager
    async def _traffic(self) -> AsyncIterator[Traffic]:
        async with open_clients(self._served.url) as clients:
            yield Traffic(clients, self.verdict, self._seed, self._runs, self._carried_on)

    async def _warm_up(self) -> None:
        async with self._traffic() as traffic:
            await traffic.make_all(KINDS * WARM_UP_ROUNDS, self._width)

    async def _flow(self, seconds: float, progress: Progress) -> None:
        progress.begin()
        until_s = time.monotonic() + seconds
        reign = asyncio.create_task(self.chaos.reign(until_s))
        async with self._traffic() as traffic:
            flow = asyncio.create_task(
                traffic.flow(self._width, lambda: time.monotonic() < until_s or not reign.done())
            )
            while not flow.done():
                progress.show(
                    f"{traffic.under_way} calls open, {len(self.verdict.faults)} faults, "
                    f"workers: {tell_deeds(self.chaos.deeds[-3:])}"
                )
                await asyncio.wait((flow,), timeout=PROGRESS_INTERVAL_S)
            await flow
        await reign

    async def _check_rest(self, name: str, reference: Holdings) -> None:
        hold = self._holders[name]
        for held in await rest(hold, lambda held: not held.differences(reference)):
            self.holdings.append(f"{name} {held.compare(reference)}")
            for line in held.differences(reference):
                self.verdict.add_fault(Sort.LEFT_OVER, f"{name} {line}")

    async def _stop(self) -> None:
        """Tell the server to stop while streams are open: each has to end whole."""
        async with self._traffic() as traffic:
            readings = [traffic.make_reading(kind) for kind in STREAMS_AT_STOP]
            calls = [
                asyncio.create_task(traffic.make(kind, reading))
                for kind, reading in zip(STREAMS_AT_STOP, readings, strict=True)
            ]
            for reading, call in zip(readings, calls, strict=True):
                while not reading.count and not call.done():
                    await asyncio.wait((call,), timeout=POLL_INTERVAL_S)
            self._served.process.send_signal(signal.SIGTERM)
            await asyncio.gather(*calls)

    def check_journal(self, journal: str) -> None:
        """Each handler that was to go on without its reader has done so, unless its worker was killed."""
        ends: dict[int, list[str]] = defaultdict(list)
        for line in journal.splitlines():
            number, end = line.split()
            ends[int(number)].append(end)
        for run, pid in self._carried_on.items():
            if ends[run] != ["whole"] and pid not in self._interruptions.killed:
                self.verdict.add_fault(
                    Sort.LOST, f"call {run} (carry on) without its reader: {ends[run] or 'has not ended'}"
                )

    def _note_loop_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.verdict.add_fault(Sort.CLIENT, f"{context['message']}: {context.get('exception')!r}")
