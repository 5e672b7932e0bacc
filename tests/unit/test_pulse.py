"""The timer of an event loop: what waits for it is done soon, and in a rush in shares."""

import asyncio
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamactions._core import StreamCore, StreamSettings
from streamactions.app.pulse import (
    CALLS_PER_BEAT,
    MAX_BEATS_TO_SETTLE,
    MAX_SCAN_S,
    SETTLE_BEAT_S,
    Pulse,
    Pulses,
)


class Loop:
    """An event loop whose only timer is the pulse's."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Any]] = []

    def call_later(self, delay_s: float, callback: Any) -> Any:
        assert self.timers == [], "there is to be one timer"
        self.timers.append((delay_s, callback))
        return self

    def cancel(self) -> None:
        self.timers.pop()

    def beat(self) -> float:
        """Let the timer come; returns what its delay was, in seconds."""
        delay_s, callback = self.timers.pop()
        callback()
        return delay_s


def make_pulse() -> tuple[Loop, Pulse]:
    loop = Loop()
    return loop, Pulse(loop, 15.0)  # type: ignore[arg-type]


def test_what_is_to_be_called_is_called_after_a_whole_beat() -> None:
    loop, pulse = make_pulse()
    called: list[int] = []
    pulse.call_when_settled(lambda: called.append(1))
    loop.beat()
    assert called == []
    pulse.call_when_settled(lambda: called.append(2))
    loop.beat()
    assert called == [1]
    loop.beat()
    assert called == [1, 2]
    # Nothing is left to beat for.
    assert loop.timers == []


def test_a_rush_is_called_in_shares_and_in_order() -> None:
    loop, pulse = make_pulse()
    called: list[int] = []
    for number in range(2 * CALLS_PER_BEAT + 1):
        pulse.call_when_settled(lambda number=number: called.append(number))  # type: ignore[misc]
    counts = []
    while loop.timers:
        loop.beat()
        counts.append(len(called))
    assert counts == [0, CALLS_PER_BEAT, 2 * CALLS_PER_BEAT, 2 * CALLS_PER_BEAT + 1]
    assert called == list(range(2 * CALLS_PER_BEAT + 1))


@pytest.mark.parametrize("count", [65, 511, 512, 513, 6400, 50_001])
def test_a_rush_has_an_end(count: int) -> None:
    loop, pulse = make_pulse()
    called: list[int] = []
    for number in range(count):
        pulse.call_when_settled(lambda number=number: called.append(number))  # type: ignore[misc]
    # The first beat finds nothing that has waited for a whole one.
    for _ in range(1 + MAX_BEATS_TO_SETTLE):
        if loop.timers:
            assert loop.beat() == SETTLE_BEAT_S
    assert called == list(range(count))


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30))
def test_each_is_called_in_order_and_in_time_however_they_come(arrivals: list[int]) -> None:
    """Nobody waits longer because of those that come after."""
    loop, pulse = make_pulse()
    called: list[int] = []
    # At which beat each comes, and at which it is called.
    came_at: list[int] = []
    called_at: list[int] = []
    beat = 0
    while beat < len(arrivals) or loop.timers:
        for _ in range(arrivals[beat] if beat < len(arrivals) else 0):
            pulse.call_when_settled(partial(called.append, len(came_at)))
            came_at.append(beat)
        beat += 1
        if loop.timers:
            loop.beat()
        called_at += [beat] * (len(called) - len(called_at))
    assert called == list(range(sum(arrivals)))
    waits = [later - earlier for earlier, later in zip(came_at, called_at, strict=True)]
    assert max(waits, default=0) <= 2 + MAX_BEATS_TO_SETTLE


def test_after_a_rush_shares_are_small_again() -> None:
    loop, pulse = make_pulse()
    called: list[int] = []
    for count in (6400, 65):
        called.clear()
        for number in range(count):
            pulse.call_when_settled(lambda number=number: called.append(number))  # type: ignore[misc]
        counts = []
        while loop.timers:
            loop.beat()
            counts.append(len(called))
    assert counts == [0, CALLS_PER_BEAT, 65]


def test_a_call_that_fails_does_not_stop_the_beat() -> None:
    loop, pulse = make_pulse()
    called: list[int] = []

    def fail() -> None:
        raise OSError

    pulse.call_when_settled(fail)
    pulse.call_when_settled(lambda: called.append(1))
    loop.beat()
    try:
        loop.beat()
    except OSError:
        loop.beat()
    assert called == [1]


def test_the_pulses_of_closed_loops_are_let_go() -> None:
    pulses = Pulses(15.0)

    async def take() -> Pulse:
        loop = asyncio.get_running_loop()
        assert pulses.of(loop) is pulses.of(loop)
        return pulses.of(loop)

    assert asyncio.run(take()) is not asyncio.run(take())
    assert len(pulses._by_loop) == 1


def test_quiet_streams_are_looked_at_seldom() -> None:
    loop, pulse = make_pulse()
    settings = StreamSettings(
        encode=bytes,
        encode_any=bytes,
        chunk_event=None,
        done_frame=b"",
        keep_alive_s=15.0,
        outlives_client=False,
    )
    stream = StreamCore(settings, lambda message: asyncio.sleep(0), pulse.core)
    pulse.add(stream)
    pulse.call_when_settled(lambda: None)
    # What is to be settled comes before the next look, and does not put another timer beside it.
    assert [loop.beat(), loop.beat(), loop.beat()] == [SETTLE_BEAT_S, SETTLE_BEAT_S, MAX_SCAN_S]
    pulse.discard(stream)
    loop.beat()
    assert loop.timers == []
