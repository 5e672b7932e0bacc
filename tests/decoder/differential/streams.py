"""Streams that look for trouble: fields, almost fields and junk, with every line end, cut anywhere."""

import random
from typing import Final

NAMES: Final = ["data", "event", "id", "retry", "", "dat", "datas", "Data", "x", "\ufeffdata", " data"]
VALUES: Final = [
    "", " ", "  x", "x", "{}", "[DONE]", "a:b", ":", "\0", "1\0", "message", "12", "+5", "5 ", "007", "1_0",
    "-1", "é", "日本", "\U0001f389", "\ufeff", "\u2028", "\x85", "\v\f", "a" * 70,
]  # fmt: skip
LINE_ENDS: Final = ["\n", "\n", "\n", "\r\n", "\r"]
JUNK: Final = [
    b"\xff",
    b"\xe6\x97",
    b"\xf0\x9f",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\0",
    b"\r",
    b"\n",
    b":",
]

MAX_LINES: Final = 16


def make_stream(source: random.Random) -> bytes:
    """One stream; the same source makes the same one."""
    line_ends = LINE_ENDS if source.random() < 0.5 else [source.choice(LINE_ENDS)]
    parts = [b"\xef\xbb\xbf"] if source.random() < 0.2 else []
    for _ in range(source.randrange(MAX_LINES)):
        kind = source.random()
        if kind < 0.3:
            line = ""
        elif kind < 0.6:
            line = f"data: {source.choice(VALUES)}"
        else:
            colon = source.choice([":", ": ", "", " :"])
            line = source.choice(NAMES) + (colon + source.choice(VALUES) if colon else "")
        parts.append((line + source.choice(line_ends)).encode())
        if source.random() < 0.05:
            parts.append(source.choice(JUNK))
    stream = b"".join(parts)
    if stream and source.random() < 0.2:
        at = source.randrange(len(stream))
        stream = stream[:at] + stream[at + source.randrange(4) :]
    return stream


def make_cuts(source: random.Random, size: int) -> list[int]:
    """Where it is cut: nowhere, at a few places, or after every byte."""
    kind = source.random()
    if kind < 0.2:
        return []
    if kind < 0.4:
        return list(range(1, size))
    return sorted(source.randrange(size + 1) for _ in range(source.randrange(1, 6)))
