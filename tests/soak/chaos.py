"""What is done to the workers meanwhile, one thing after the other, each when they have recovered."""

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from soak.verdict import Interruptions
from soak.workers import Workers

__all__ = ["Chaos", "Deed", "tell_deeds"]

MIN_PAUSE_S: Final = 0.5
MAX_PAUSE_S: Final = 3.0
"""How long the workers serve in peace, from and to."""


@dataclass(frozen=True)
class Deed:
    """What was done to the workers.

    Attributes:
        name: of the signal that was sent.
        recovery_s: how long it took until all of them served again and those that it was done to had ended.
    """

    name: str
    recovery_s: float

    def __str__(self) -> str:
        return f"{self.name} {self.recovery_s:.1f} s"


def tell_deeds(deeds: Iterable[Deed]) -> str:
    """What was done, and how long each recovery took."""
    return ", ".join(map(str, deeds)) or "in peace so far"


class Chaos:
    """Kills a worker, tells one to stop, or has all of them replaced.

    Args:
        main_pid: the server's main process.
        workers: its workers.
        interruptions: where it is written down.
        random: where pauses, deeds and victims are drawn from.

    Attributes:
        deeds: what was done, in its order.
    """

    def __init__(self, main_pid: int, workers: Workers, interruptions: Interruptions, random: Random) -> None:
        self._main_pid = main_pid
        self._workers = workers
        self._interruptions = interruptions
        self._random = random
        self.deeds: list[Deed] = []

    async def reign(self, until_s: float) -> None:
        """Kill one and replace all at least once, then go on until ``until_s`` by the monotonic clock.

        Raises:
            TimeoutError: the workers do not recover.
        """
        for deed in self._draw(until_s):
            await asyncio.sleep(self._random.uniform(MIN_PAUSE_S, MAX_PAUSE_S))
            pids = self._workers.pids()
            victim = self._random.choice(sorted(pids))
            began_s = time.monotonic()
            self._interruptions.begin(began_s)
            if deed == signal.SIGKILL:
                # Before it is done, because readers see it at once.
                self._interruptions.killed.add(victim)
            os.kill(self._main_pid if deed == signal.SIGHUP else victim, deed)
            await self._workers.recover(pids if deed == signal.SIGHUP else {victim})
            ended_s = time.monotonic()
            self._interruptions.end(ended_s)
            self.deeds.append(Deed(deed.name, ended_s - began_s))

    def _draw(self, until_s: float) -> Iterator[signal.Signals]:
        first = [signal.SIGKILL, signal.SIGHUP]
        self._random.shuffle(first)
        yield from first
        while time.monotonic() < until_s:
            yield self._random.choice((signal.SIGKILL, signal.SIGHUP, signal.SIGTERM))
