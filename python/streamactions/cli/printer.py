"""How a chunk looks in a terminal: running text, a line of JSON, or a progress bar.

Chunks go to the standard output stream and are flushed one by one; the bar goes to the standard
error stream, and only to a terminal. On a terminal the bar takes the place of the chunks that it
shows; where the output goes elsewhere it gets every chunk.

A terminal is never given a control character that came from the server, except line feeds and tabs in
a text; a pipe or a file gets the text as it is.
"""

import shutil
import sys
from typing import Any, Final

from pydantic_core import to_json

from streamactions.printable import escape_controls, escape_json_controls

__all__ = ["ChunkPrinter"]

BAR_COLUMNS: Final = 30
COMPLETE: Final = 100
"""Progress is a percentage."""

_TO_LINE_START: Final = "\r\x1b[K"
"""Back to the first column and erase the line (ECMA-48: CR, EL)."""


class ChunkPrinter:
    """Prints the chunks of one stream.

    Args:
        raw: every chunk is a line of JSON, and there is no bar.
    """

    def __init__(self, *, raw: bool) -> None:
        self._output = sys.stdout.buffer
        self._errors = sys.stderr
        self._raw = raw
        # Text without a line break at its end, which a line of JSON must not follow.
        self._in_text = False
        self._in_bar = False

    def print(self, chunk: Any) -> None:
        """Print one chunk, at once."""
        text = None if self._raw else _text_of(chunk)
        if text is not None:
            shown = escape_controls(text, keeps_lines=True) if self._output.isatty() else text
            self._write(shown.encode(), ends_line=text.endswith("\n") if text else not self._in_text)
            return
        progress = None if self._raw or not self._errors.isatty() else _progress_of(chunk)
        if progress is not None:
            self._draw_bar(progress, chunk.get("fileName"))
            if self._output.isatty():
                return
        self._end_line()
        json = to_json(chunk)
        if self._output.isatty():
            json = escape_json_controls(json.decode()).encode()
        self._write(json + b"\n", ends_line=True)

    def finish(self) -> None:
        """Leave the terminal at the start of a line."""
        self._end_line()
        if self._in_bar:
            self._errors.write("\n")
            self._errors.flush()
            self._in_bar = False

    def _write(self, data: bytes, *, ends_line: bool) -> None:
        if self._in_bar and self._output.isatty():
            self._errors.write(_TO_LINE_START)
            self._errors.flush()
            self._in_bar = False
        self._output.write(data)
        self._output.flush()
        self._in_text = not ends_line

    def _end_line(self) -> None:
        if self._in_text:
            self._write(b"\n", ends_line=True)

    def _draw_bar(self, progress: float, name: Any) -> None:
        self._end_line()
        filled = round(progress / COMPLETE * BAR_COLUMNS)
        bar = f"[{'#' * filled}{'.' * (BAR_COLUMNS - filled)}] {progress:3.0f}%"
        label = f"  {name}" if isinstance(name, str) else ""
        columns = shutil.get_terminal_size().columns
        # A name may hold what a terminal would obey.
        line = "".join(letter if letter.isprintable() else "?" for letter in bar + label)[: columns - 1]
        self._errors.write(_TO_LINE_START + line)
        self._errors.flush()
        self._in_bar = True


def _text_of(chunk: Any) -> str | None:
    """The text of a chunk that has nothing else."""
    text = chunk.get("text") if isinstance(chunk, dict) and len(chunk) == 1 else None
    return text if isinstance(text, str) else None


def _progress_of(chunk: Any) -> float | None:
    """How far the work is, in percent, where a chunk says it."""
    progress = chunk.get("progress") if isinstance(chunk, dict) else None
    if not isinstance(progress, int | float) or isinstance(progress, bool):
        return None
    return progress if 0 <= progress <= COMPLETE else None
