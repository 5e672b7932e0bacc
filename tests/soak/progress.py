"""A bar on the standard error stream while a round runs; nothing where that is no terminal."""

import shutil
import sys
import time
from typing import Final

__all__ = ["Progress"]

BAR_COLUMNS: Final = 24
_TO_LINE_START: Final = "\r\x1b[K"


class Progress:
    """How far a round is.

    Args:
        total_s: how long its traffic lasts, in seconds.
    """

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._start_s = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def begin(self) -> None:
        """The traffic begins now."""
        self._start_s = time.monotonic()

    def show(self, what: str) -> None:
        """Say what is done now."""
        if not self._is_terminal:
            return
        elapsed_s = time.monotonic() - self._start_s
        filled = min(BAR_COLUMNS, int(BAR_COLUMNS * elapsed_s / self._total_s))
        bar = f"[{'#' * filled}{'.' * (BAR_COLUMNS - filled)}] {elapsed_s:.0f} s: {what}"
        columns = shutil.get_terminal_size().columns
        print(_TO_LINE_START + bar[: columns - 1], end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Leave the terminal at the start of a line."""
        if self._is_terminal:
            print(_TO_LINE_START, end="", file=sys.stderr, flush=True)
