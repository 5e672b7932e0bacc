"""Rate limiting by a sliding window, in memory that is bounded.

Each key remembers when its last ``limit`` calls were let through, so no window of ``window_s``
seconds ever holds more than ``limit`` of them. A call costs amortised O(1): it looks at the
oldest time of its own key, and forgets at most two keys whose window is over. The limit holds for
one process: where its workers are threads, for all of them together.
"""

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from starlette.requests import Request

from streamactions.errors import create_action_error
from streamactions.middleware.chain import Middleware, define_middleware
from streamactions.middleware.client_ip import client_ip
from streamactions.middleware.settle import settle
from streamactions.options import OptionChecks
from streamactions.types import Context, Next

__all__ = ["DEFAULT_MAX_KEYS", "SlidingWindow", "rate_limit_middleware"]

DEFAULT_MAX_KEYS: Final = 10_000
"""Callers that are remembered at once."""

_FORGOTTEN_PER_CALL: Final = 2
"""More than the one key that a call can add, so that the table shrinks when its keys go quiet."""


class SlidingWindow:
    """At most ``limit`` events per key in any ``window_s`` seconds."""

    def __init__(self, limit: int, window_s: float, max_keys: int) -> None:
        self._limit = limit
        self._window_s = window_s
        self._max_keys = max_keys
        self._lock = threading.Lock()
        # Ordered by the time of the last event that was let through, so the front expires first.
        self._times_s: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times_s)

    def wait_s(self, key: Hashable, now_s: float) -> float:
        """Let an event through and return 0, or return how many seconds it would have to wait."""
        with self._lock:
            times_s = self._times_s.get(key)
            if times_s is None:
                times_s = self._times_s[key] = deque(maxlen=self._limit)
            elif len(times_s) == self._limit:
                wait_s = times_s[0] + self._window_s - now_s
                if wait_s > 0:
                    return wait_s
            times_s.append(now_s)
            self._times_s.move_to_end(key)
            self._forget(now_s)
            return 0.0

    def _forget(self, now_s: float) -> None:
        for _ in range(_FORGOTTEN_PER_CALL):
            times_s = next(iter(self._times_s.values()))
            if times_s[-1] + self._window_s > now_s and len(self._times_s) <= self._max_keys:
                return
            self._times_s.popitem(last=False)


_peer_ip: Final = client_ip(trusted_proxies=())


def rate_limit_middleware(
    limit: int,
    window_s: float,
    *,
    key: Callable[[Request], Hashable | Awaitable[Hashable]] = _peer_ip,
    message: str = "Too many requests",
    max_keys: int = DEFAULT_MAX_KEYS,
    clock_s: Callable[[], float] = time.monotonic,
) -> Middleware:
    """A middleware that lets at most ``limit`` calls per key through in any ``window_s`` seconds.

    Args:
        limit: calls per window; refused calls do not count.
        window_s: the window in seconds.
        key: takes the request and returns what calls are counted by; sync or async. By default
            the address at the other end of the connection, of IPv6 the first 64 bits. Behind a proxy
            that is the proxy's: pass ``client_ip(trusted_proxies=...)``.
        message: the refusal's text; how long to wait is appended.
        max_keys: how many keys are remembered; past it, the one that called longest ago is forgotten.
        clock_s: a monotonic clock in seconds.

    Raises:
        DefinitionError: an option is wrong.

    Raises (in a call):
        ActionError: ``RATE_LIMITED``, 429, with ``Retry-After`` (RFC 9110, 10.2.3).
    """
    checks = OptionChecks("rate_limit_middleware()")
    checks.whole_positive("limit", limit)
    checks.positive("window_s", window_s)
    checks.function("key", key, "client_ip()")
    checks.text("message", message, "Too many requests")
    checks.whole_positive("max_keys", max_keys)
    checks.function("clock_s", clock_s, "time.monotonic")
    window = SlidingWindow(limit, window_s, max_keys)

    async def rate_limit(event: Request, next: Next) -> Context:
        wait_s = window.wait_s(await settle(key(event)), clock_s())
        if wait_s > 0:
            retry_after = str(math.ceil(wait_s))
            raise create_action_error(
                "RATE_LIMITED",
                f"{message}: try again in {retry_after} s",
                429,
                headers={"retry-after": retry_after},
            )
        return await next()

    return define_middleware(rate_limit, before_input=True)
