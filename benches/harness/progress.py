"""A progress bar on the standard error stream; one line a step where that is no terminal."""

import shutil
import sys
import time
from typing import Final

BAR_COLUMNS: Final = 24
_TO_LINE_START: Final = "\r\x1b[K"


class Progress:
    """How far the benchmark is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._start_s = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def begin(self, what: str) -> None:
        """A step begins."""
        elapsed_s = time.monotonic() - self._start_s
        left_min = elapsed_s / self._done * (self._total - self._done) / 60 if self._done else 0
        left = f", about {left_min:.0f} min left" if left_min >= 1 else ""
        filled = BAR_COLUMNS * self._done // self._total
        bar = f"[{'#' * filled}{'.' * (BAR_COLUMNS - filled)}] {self._done + 1}/{self._total} {what}{left}"
        if self._is_terminal:
            columns = shutil.get_terminal_size().columns
            print(_TO_LINE_START + bar[: columns - 1], end="", file=sys.stderr, flush=True)
        else:
            print(bar, file=sys.stderr, flush=True)
        self._done += 1

    def note(self, message: str) -> None:
        """Say something that stays."""
        print((_TO_LINE_START if self._is_terminal else "") + message, file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Leave the terminal at the start of a line."""
        if self._is_terminal:
            print(_TO_LINE_START, end="", file=sys.stderr, flush=True)
