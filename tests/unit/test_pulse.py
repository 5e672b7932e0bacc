"""The timer of an event loop: what waits for it is done soon, and in a rush in shares."""

import asyncio
from typing import Any

from streamactions._core import StreamCore, StreamSettings
from streamactions.app.pulse import MAX_CALLS_PER_BEAT, MAX_SCAN_S, SETTLE_BEAT_S, Pulse, Pulses


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
    for number in range(2 * MAX_CALLS_PER_BEAT + 1):
        pulse.call_when_settled(lambda number=number: called.append(number))  # type: ignore[misc]
    counts = []
    while loop.timers:
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
