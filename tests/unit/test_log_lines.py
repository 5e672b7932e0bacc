"""What the log of ``serve`` may cost whoever writes to it."""

import logging
import os
from typing import Any

import pytest

from streamactions.serve.logs import MAX_LOG_WAIT_S, LineHandler


def test_a_record_waits_once_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = 0.0
    waits_s: list[float] = []

    def select_slowly(readers: Any, writers: Any, errors: Any, timeout_s: float) -> Any:
        nonlocal clock_s
        waits_s.append(timeout_s)
        clock_s += 0.8 * timeout_s
        return readers, writers, errors

    monkeypatch.setattr("streamactions.serve.logs.select.select", select_slowly)
    monkeypatch.setattr("streamactions.serve.logs.time.monotonic", lambda: clock_s)
    with open(os.devnull, "w") as nobody:
        handler = LineHandler(nobody)
        handler.emit(logging.LogRecord("a", logging.ERROR, __file__, 1, "x" * 1_000_000, None, None))
    assert len(waits_s) > 100
    assert waits_s[0] == MAX_LOG_WAIT_S
    assert clock_s <= MAX_LOG_WAIT_S
