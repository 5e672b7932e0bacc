"""Text of others: what a terminal or the reader of a log would obey is written out."""

import logging
import sys
import unicodedata

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamactions.printable import escape_controls, escape_json_controls
from streamactions.serve.logs import ACCESS_LOGGER, LineFormatter


def is_harmless(character: str) -> bool:
    is_order = unicodedata.bidirectional(character) in {
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    }
    return unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") and not is_order


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x1b]52;c;cm0gLXJm\x07", r"\x1b]52;c;cm0gLXJm\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("\ud800", r"\ud800"),
        ("grün 😀 \u05d0\u200d", "grün 😀 \u05d0\u200d"),
    ],
)
def test_what_is_written_out(text: str, escaped: str) -> None:
    assert escape_controls(text) == escaped


@given(st.text())
def test_nothing_else_is_left_and_nothing_else_is_changed(text: str) -> None:
    assert all(is_harmless(character) for character in escape_controls(text))
    assert all(
        is_harmless(character) or character in "\n\t" for character in escape_controls(text, keeps_lines=True)
    )
    if all(is_harmless(character) and character not in "\u200e\u200f\u061c" for character in text):
        assert escape_controls(text) == text


@given(st.text())
def test_json_keeps_its_value(text: str) -> None:
    try:
        json = orjson.dumps({text: [text]}).decode()
    except TypeError:
        return
    escaped = escape_json_controls(json)
    assert all(is_harmless(character) for character in escaped)
    assert orjson.loads(escaped) == {text: [text]}


def formatted(name: str, message: str, *arguments: object, error: Exception | None = None) -> str:
    exc_info = None
    if error is not None:
        try:
            raise error
        except Exception:
            exc_info = sys.exc_info()
    record = logging.LogRecord(name, logging.INFO, "", 1, message, arguments, exc_info)
    return LineFormatter("NOW %(name)s: %(message)s").format(record)


def test_a_request_is_one_line_of_the_log() -> None:
    path = "/x\n2026-01-01 INFO forged\r\x1b[2K"
    assert formatted(ACCESS_LOGGER, '"GET %(path)s"', {"path": path}) == (
        f'NOW {ACCESS_LOGGER}: "GET /x\\n2026-01-01 INFO forged\\r\\x1b[2K"'
    )


def test_no_further_line_of_a_record_looks_like_a_record() -> None:
    text = formatted(
        "mine", "first %s\nthird", "a\nNOW mine: forged\x1b", error=ValueError("x\nNOW mine: forged\x9b")
    )
    first, *further = text.split("\n")
    assert first == "NOW mine: first a"
    assert "  NOW mine: forged\\x1b" in further
    assert "  NOW mine: forged\\x9b" in further
    assert "  Traceback (most recent call last):" in further
    assert all(line.startswith("  ") for line in further)
