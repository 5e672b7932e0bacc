"""How a server's log looks: a line for each record, which nothing that a client sends can forge."""

import logging
from typing import Any, Final

from streamactions.printable import escape_controls

__all__ = ["LineFormatter", "logging_config"]

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


def logging_config(level: str) -> dict[str, Any]:
    """Everything that is logged, the app's own lines included, goes to the standard error stream."""
    return {
        "formatters": {
            "line": {"()": LineFormatter, "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}
        },
        "loggers": {"_granian": {}, ACCESS_LOGGER: {"level": "INFO"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }
