"""Memory over time, while streams are open."""

import threading
from typing import Final, Self

from harness.errors import RunError
from harness.process import ServerProcess
from harness.results import Metrics

SAMPLE_INTERVAL_S: Final = 0.1


class MemorySampler:
    """Reads a process tree's memory for as long as its ``with`` block lasts."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._samples: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_INTERVAL_S):
            try:
                self._samples.append(self._server.rss_bytes())
            except (FileNotFoundError, ProcessLookupError):
                # The server has ended; the run finds that out by itself.
                return

    def read_stalled(self, base_bytes: int, streams: int) -> Metrics:
        """What streams whose readers have stopped to read took, and how that grew.

        Args:
            base_bytes: what the tree had in memory before them.
            streams: how many there are.

        Raises:
            RunError: there was no time for a sample.
        """
        if not self._samples:
            raise RunError("the run was too short for a sample of its memory")

        def kib(rss_bytes: int) -> float:
            return (rss_bytes - base_bytes) / 1024 / streams

        last = len(self._samples) - 1
        after = {percent: kib(self._samples[last * percent // 100]) for percent in (25, 50, 75, 100)}
        return {
            **{f"stalled_kib_after_{percent}_percent": value for percent, value in after.items()},
            "kib_per_stalled_stream": kib(max(self._samples)),
            "stalled_growth_kib": after[100] - after[50],
        }
