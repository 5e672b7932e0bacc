"""How a server's log looks, and what it may cost.

A record is a line that nothing that a client sends can forge. Whoever should read the log may have stopped
to: a pipe that is full blocks who writes to it, and with it every stream of a worker, or the stop of the
server. So a record that cannot be written in time is lost, and the next that can be says how many were.
"""

import logging
import os
import select
import sys
import time
from typing import Any, Final, TextIO

from streamactions.printable import escape_controls

__all__ = ["LineFormatter", "LineHandler", "logging_config"]

MAX_LOG_WAIT_S: Final = 0.05
"""How long a record waits for its reader; after one that was lost, none waits."""

ACCESS_LOGGER: Final = "granian.access"
"""Whose records are one line each, made of what clients send."""

_CONTINUATION: Final = "\n  "
"""A record begins at the first column; a further line of it, as in a traceback, does not."""


class LineFormatter(logging.Formatter):
    """Writes control characters out, and indents what follows the first line of a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a text without a line end."""
        text = super().format(record)
        if record.name == ACCESS_LOGGER:
            return escape_controls(text)
        return escape_controls(text, keeps_lines=True).replace("\n", _CONTINUATION)


class LineHandler(logging.Handler):
    """Writes records to a stream, and never waits for longer than ``MAX_LOG_WAIT_S``."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._descriptor = stream.fileno()
        self._lost = 0
        self._is_within_line = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it among the lost."""
        try:
            text = self.format(record)
        except Exception:
            # By the standard library's convention: a record that is written wrongly is told of, and no more.
            self.handleError(record)
            return
        if self._lost:
            text = f"{self._lost} lines of the log were lost, because nobody read them\n{text}"
        # The rest of a line that was cut off is not to be taken for the begin of this one.
        data = ("\n" * self._is_within_line + text + "\n").encode(errors="backslashreplace")
        self._lost = 0 if self._write(data, 0.0 if self._lost else MAX_LOG_WAIT_S) else self._lost + 1

    def _write(self, data: bytes, wait_s: float) -> bool:
        until_s = time.monotonic() + wait_s
        try:
            while data:
                left_s = max(0.0, until_s - time.monotonic())
                if not select.select((), (self._descriptor,), (), left_s)[1]:
                    return False
                # What select calls writable takes so much without blocking (POSIX, "pipe").
                written_bytes = os.write(self._descriptor, data[: select.PIPE_BUF])
                self._is_within_line = written_bytes < len(data)
                data = data[written_bytes:]
        except OSError:
            return False
        return True


def _stderr_handler() -> dict[str, Any]:
    if sys.stderr is None:
        # The program was started with a closed one.
        return {"class": "logging.NullHandler"}
    return {"()": LineHandler, "formatter": "line", "stream": "ext://sys.stderr"}


def logging_config(level: str) -> dict[str, Any]:
    """Everything that is logged, the app's own lines included, goes to the standard error stream."""
    return {
        "formatters": {
            "line": {"()": LineFormatter, "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
        },
        "handlers": {"stderr": _stderr_handler()},
        "loggers": {"_granian": {}, ACCESS_LOGGER: {"level": "INFO"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }
