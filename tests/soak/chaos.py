"""What is done to the workers meanwhile, one thing after the other, each when they have recovered."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import Final

from soak.verdict import Interruptions
from soak.workers import Workers

__all__ = ["Chaos", "tell_deeds"]

MIN_PAUSE_S: Final = 0.5
MAX_PAUSE_S: Final = 3.0
"""How long the workers serve in peace, from and to."""


def tell_deeds(deeds: Mapping[str, int]) -> str:
    """How often what was done."""
    return ", ".join(f"{name} {count} times" for name, count in deeds.items()) or "in peace so far"


class Chaos:
    """Kills a worker, tells one to stop, or has all of them replaced.

    Args:
        main_pid: the server's main process.
        workers: its workers.
        interruptions: where it is written down.
        random: where pauses, deeds and victims are drawn from.

    Attributes:
        deeds: how often what was done, by the name of the signal.
    """

    def __init__(self, main_pid: int, workers: Workers, interruptions: Interruptions, random: Random) -> None:
        self._main_pid = main_pid
        self._workers = workers
        self._interruptions = interruptions
        self._random = random
        self.deeds: Counter[str] = Counter()

    async def reign(self, until_s: float) -> None:
        """Kill one and replace all at least once, then go on until ``until_s`` by the monotonic clock.

        Raises:
            TimeoutError: the workers do not recover.
        """
        for deed in self._draw(until_s):
            await asyncio.sleep(self._random.uniform(MIN_PAUSE_S, MAX_PAUSE_S))
            pids = self._workers.pids()
            victim = self._random.choice(sorted(pids))
            self._interruptions.begin(time.monotonic())
            if deed == signal.SIGKILL:
                # Before it is done, because readers see it at once.
                self._interruptions.killed.add(victim)
            os.kill(self._main_pid if deed == signal.SIGHUP else victim, deed)
            self.deeds[deed.name] += 1
            await self._workers.recover(pids if deed == signal.SIGHUP else {victim})
            self._interruptions.end(time.monotonic())

    def _draw(self, until_s: float) -> Iterator[signal.Signals]:
        first = [signal.SIGKILL, signal.SIGHUP]
        self._random.shuffle(first)
        yield from first
        while time.monotonic() < until_s:
            yield self._random.choice((signal.SIGKILL, signal.SIGHUP, signal.SIGTERM))
