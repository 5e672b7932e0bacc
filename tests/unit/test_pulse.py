"""The timer of an event loop: what waits for it is done soon, and in a rush in shares."""

import asyncio
from typing import Any

from streamactions.app.pulse import BEAT_S, MAX_CALLS_PER_BEAT, Pulse, Pulses


class Loop:
    """An event loop whose only timer is the pulse's."""

    def __init__(self) -> None:
        self.beats: list[Any] = []

    def call_later(self, delay_s: float, callback: Any) -> None:
        assert delay_s == BEAT_S
        self.beats.append(callback)

    def beat(self) -> None:
        self.beats.pop()()


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
    assert loop.beats == []


def test_a_rush_is_called_in_shares_and_in_order() -> None:
    loop, pulse = make_pulse()
    called: list[int] = []
    for number in range(2 * MAX_CALLS_PER_BEAT + 1):
        pulse.call_when_settled(lambda number=number: called.append(number))  # type: ignore[misc]
    counts = []
    while loop.beats:
        loop.beat()
        counts.append(len(called))
    assert counts == [0, MAX_CALLS_PER_BEAT, 2 * MAX_CALLS_PER_BEAT, 2 * MAX_CALLS_PER_BEAT + 1]
    assert called == list(range(2 * MAX_CALLS_PER_BEAT + 1))


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
