"""What is done to the workers meanwhile, one thing after the other, each when they have recovered."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from random import Random
from typing import Final

from soak.verdict import Interruptions
from soak.workers import Workers

__all__ = ["Chaos"]

MIN_PAUSE_S: Final = 0.5
MAX_PAUSE_S: Final = 3.0
"""How long the workers serve in peace, from and to."""


class Chaos:
    """Kills a worker, or has all of them replaced.

    Args:
        main_pid: the server's main process.
        workers: its workers.
        interruptions: where it is written down.
        random: where pauses, deeds and victims are drawn from.

    Attributes:
        kills: how many workers were killed.
        hangups: how often all were replaced.
    """

    def __init__(self, main_pid: int, workers: Workers, interruptions: Interruptions, random: Random) -> None:
        self._main_pid = main_pid
        self._workers = workers
        self._interruptions = interruptions
        self._random = random
        self.kills = 0
        self.hangups = 0

    async def reign(self, until_s: float) -> None:
        """Do both at least once, then go on until ``until_s`` by the monotonic clock.

        Raises:
            TimeoutError: the workers do not recover.
        """
        for deed in self._deeds(until_s):
            await asyncio.sleep(self._random.uniform(MIN_PAUSE_S, MAX_PAUSE_S))
            self._interruptions.begin(time.monotonic())
            await (self._kill() if deed == signal.SIGKILL else self._hang_up())
            self._interruptions.end(time.monotonic())

    def _deeds(self, until_s: float) -> Iterator[signal.Signals]:
        both = [signal.SIGKILL, signal.SIGHUP]
        self._random.shuffle(both)
        yield from both
        while time.monotonic() < until_s:
            yield self._random.choice(both)

    async def _kill(self) -> None:
        pid = self._random.choice(sorted(self._workers.pids()))
        # Before it is done, because readers see it at once.
        self._interruptions.killed.add(pid)
        self.kills += 1
        os.kill(pid, signal.SIGKILL)
        await self._workers.recover({pid})

    async def _hang_up(self) -> None:
        replaced = self._workers.pids()
        self.hangups += 1
        os.kill(self._main_pid, signal.SIGHUP)
        await self._workers.recover(replaced)
