"""Text of others, on a terminal and in a log: what would be obeyed there is written out instead.

A terminal obeys the control characters of ISO 646 and ISO 6429 (ESC, CSI, OSC: they move the cursor, fill
the clipboard and hide what was written), and the marks that turn the direction of writing (Unicode
Standard Annex 9) make a text look like another (CVE-2021-42574).
"""

import re
from typing import Final

__all__ = ["escape_controls", "escape_json_controls"]

_ORDERED: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks that change the order in which letters are shown."""

_SEPARATORS: Final = "\u2028\u2029"
"""Unicode's own line and paragraph ends, which some readers of logs take for ends of lines."""

_CONTROLS: Final = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f\ud800-\udfff{_SEPARATORS}{_ORDERED}]")
_CONTROLS_IN_LINES: Final = re.compile(
    f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\ud800-\udfff{_SEPARATORS}{_ORDERED}]"
)

_LAST_OF_TWO_DIGITS: Final = 0xFF


def escape_controls(text: str, *, keeps_lines: bool = False) -> str:
    r"""The text with each control character as Python writes it: ``\x1b``, ``\n``, ``\u202e``.

    Args:
        text: any text; half of a surrogate pair is escaped too.
        keeps_lines: whether line feeds and tabs stay.
    """
    return (_CONTROLS_IN_LINES if keeps_lines else _CONTROLS).sub(_escape, text)


def escape_json_controls(json: str) -> str:
    r"""JSON that holds the same value without a control character; encoders leave U+007F and later ones."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[character]
    code = ord(character)
    return f"\\x{code:02x}" if code <= _LAST_OF_TWO_DIGITS else f"\\u{code:04x}"
