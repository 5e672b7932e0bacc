"""The traffic of a soak: so many calls at once, each of a kind that is drawn, each within a bound."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final

from soak.clients import Clients
from soak.kinds import Kind, pick
from soak.reading import End, Reading
from soak.verdict import Verdict
from streamactions import ActionError

__all__ = ["CALL_BOUND_S", "Traffic"]

CALL_BOUND_S: Final = 60.0
"""When a call that has not ended is said to hang; the longest take a few seconds."""

CANCEL_BOUND_S: Final = 5.0
"""How long a call that hangs may take to be cancelled."""

_CUT_CODES: Final = frozenset({"STREAM_INCOMPLETE", "CONNECTION_ERROR"})
_OWN_FAILURE_CODE: Final = "SOAK_FAILED"

CARRY_ON: Final = "carry on"


class Traffic:
    """Makes calls and has each one judged.

    Args:
        clients: what to make them with.
        verdict: who judges.
        seed: the same seed draws the same calls.
        runs: the numbers of the calls.
        carried_on: where the worker of each call that goes on without its reader is written down, by run.
        call_bound_s: when a call hangs.

    Attributes:
        under_way: how many calls are open.
    """

    def __init__(
        self,
        clients: Clients,
        verdict: Verdict,
        seed: int,
        runs: Iterator[int],
        carried_on: dict[int, int],
        *,
        call_bound_s: float = CALL_BOUND_S,
    ) -> None:
        self._clients = clients
        self._verdict = verdict
        self._seed = seed
        self._call_bound_s = call_bound_s
        self._random = Random(seed)
        self._runs = runs
        self._carried_on = carried_on
        self.under_way = 0

    async def flow(self, width: int, goes_on: Callable[[], bool]) -> None:
        """Make calls of drawn kinds, ``width`` at once, as long as it goes on; wait for the last."""

        def draw() -> Iterator[Kind]:
            while goes_on():
                yield pick(self._random)

        await self.make_all(draw(), width)

    async def make_all(self, kinds: Iterable[Kind], width: int) -> None:
        """Make one call of each of these kinds, ``width`` at once."""
        # All slots take from one iterator.
        left = iter(kinds)

        async def make_each() -> None:
            for kind in left:
                await self.make(kind, self.make_reading(kind))

        await asyncio.gather(*(make_each() for _ in range(width)))

    def make_reading(self, kind: Kind) -> Reading:
        """What the next call of this kind asks for."""
        return kind.make_reading(next(self._runs), self._random)

    async def make(self, kind: Kind, reading: Reading) -> None:
        """Make a call, and judge it."""
        reading.began_s = time.monotonic()
        self.under_way += 1
        task = asyncio.create_task(self._read(kind, reading))
        done, _ = await asyncio.wait((task,), timeout=self._call_bound_s)
        reading.ended_s = time.monotonic()
        self.under_way -= 1
        if not done:
            reading.end = End.HUNG
            task.cancel()
            await asyncio.wait((task,), timeout=CANCEL_BOUND_S)
        self._verdict.judge(reading)
        if kind.name == CARRY_ON and reading.pids:
            (self._carried_on[reading.run],) = reading.pids

    async def _read(self, kind: Kind, reading: Reading) -> None:
        try:
            # Each call draws for itself, whatever the others have drawn meanwhile.
            await kind.read(self._clients, reading, Random(f"{self._seed} {reading.run}"))
        except ActionError as error:
            reading.detail = str(error)
            if error.code in _CUT_CODES:
                reading.end = End.CUT
            else:
                reading.end = End.FAILED if error.code == _OWN_FAILURE_CODE else End.REFUSED
        except OSError as error:
            reading.detail = repr(error)
            reading.end = End.CUT
        except Exception as error:
            # A reader that meets what nobody has thought of must not end the round.
            reading.detail = f"{type(error).__name__}: {error}"
            reading.end = End.BROKEN
