"""What one chunk holds; the server writes it and the readers check it."""

from typing import Any, Final

__all__ = ["MAX_CHUNKS", "make_chunk", "make_pad"]

MAX_CHUNKS: Final = 1_000_000
"""The longest stream that may be asked for: nobody reads it to its end, so whoever leaves must end it."""

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def make_pad(number: int, pad_bytes: int) -> str:
    """Text of that length which differs from that of the chunks around it."""
    return _LETTERS[number % len(_LETTERS)] * pad_bytes


def make_chunk(run: int, number: int, pid: int, pad_bytes: int) -> dict[str, Any]:
    """Chunk ``number`` of the call ``run``, as the worker ``pid`` sends it."""
    return {"run": run, "number": number, "pid": pid, "pad": make_pad(number, pad_bytes)}
