"""One timer per event loop, for as long as it has streams: keep-alives, and whatever can wait until a call
has proved to be more than a short one."""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from streamactions._core import MAX_TURN_S, PulseCore, StreamCore
from streamactions.app.calls import Calls

__all__ = ["Pulse", "Pulses"]

SETTLE_BEAT_S: Final = 0.010
"""Between two beats while there is something to settle; ``call_when_settled`` waits for one to two."""

CALLS_PER_BEAT: Final = 64
"""In a rush of new streams, their opening comes first; without one, there are fewer in a beat."""

MAX_BEATS_TO_SETTLE: Final = 8
"""In a rush, how many beats a call may wait that could be settled: then so many more are called in each."""

MAX_SCAN_S: Final = 1.0
"""How late a keep-alive may come; less where keep-alives are closer together."""

_SCANS_PER_KEEP_ALIVE: Final = 15


class Pulse:
    """Beats while there are streams: seldom, so that quiet streams cost nothing.

    Attributes:
        core: what the streams themselves ask.
        calls: the calls under way in this loop, where no server keeps a list of them.
    """

    def __init__(self, event_loop: asyncio.AbstractEventLoop, keep_alive_s: float) -> None:
        self._event_loop = event_loop
        self._timer: asyncio.TimerHandle | None = None
        self._is_settling = False
        self._unsettled: deque[Callable[[], None]] = deque()
        self._settled_count = 0
        self._calls_per_beat = CALLS_PER_BEAT
        self._scan_every_s = min(MAX_SCAN_S, keep_alive_s / _SCANS_PER_KEEP_ALIVE)
        # A timer may be early by some of its clock's ticks, and shall find that a scan is due.
        self.calls: Final = Calls()
        self.core: Final = PulseCore(event_loop, MAX_TURN_S, 0.9 * self._scan_every_s)

    def add(self, stream: StreamCore) -> None:
        """Watch over a stream until ``discard``."""
        self.core.add(stream)
        if self._timer is None:
            self._timer = self._event_loop.call_later(self._scan_every_s, self._beat)

    def discard(self, stream: StreamCore) -> None:
        """Stop watching over a stream."""
        self.core.discard(stream)

    def call_when_settled(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` in 10 to 20 ms: for what a call that is over by then need not pay for.

        In a rush it is called within 10 beats, which are 100 ms where the event loop turns in time.
        """
        self._unsettled.append(callback)
        if not self._is_settling:
            self._is_settling = True
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._event_loop.call_later(SETTLE_BEAT_S, self._beat)

    def _beat(self) -> None:
        try:
            for _ in range(self._share()):
                self._unsettled.popleft()()
        finally:
            self._settled_count = len(self._unsettled)
            has_streams = self.core.beat()
            self._is_settling = self._settled_count > 0
            self._timer = None
            if self._is_settling or has_streams:
                delay_s = SETTLE_BEAT_S if self._is_settling else self._scan_every_s
                self._timer = self._event_loop.call_later(delay_s, self._beat)

    def _share(self) -> int:
        """How many are called at this beat.

        The share grows with the rush and shrinks only when it is over. So those that are settled now, all
        of them ahead of what comes later, are called within ``MAX_BEATS_TO_SETTLE`` beats.
        """
        if self._settled_count <= CALLS_PER_BEAT:
            self._calls_per_beat = CALLS_PER_BEAT
            return self._settled_count
        fair = math.ceil(self._settled_count / MAX_BEATS_TO_SETTLE)
        self._calls_per_beat = max(self._calls_per_beat, fair)
        return min(self._settled_count, self._calls_per_beat)


class Pulses:
    """The pulse of each event loop that the app runs in: one, unless its workers are threads."""

    def __init__(self, keep_alive_s: float) -> None:
        self._keep_alive_s = keep_alive_s
        self._by_loop: dict[asyncio.AbstractEventLoop, Pulse] = {}
        # Of writers; readers need none, because a dict that can be seen never changes.
        self._lock = threading.Lock()

    def of(self, event_loop: asyncio.AbstractEventLoop) -> Pulse:
        """The pulse of that loop."""
        pulse = self._by_loop.get(event_loop)
        if pulse is None:
            pulse = Pulse(event_loop, self._keep_alive_s)
            with self._lock:
                # A pulse keeps its loop, so those of closed ones are let go.
                kept = {loop: pulse for loop, pulse in self._by_loop.items() if not loop.is_closed()}
                self._by_loop = {**kept, event_loop: pulse}
        return pulse
