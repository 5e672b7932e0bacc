"""Two decoders of other houses, and where they are known to leave the rules.

The keys of ``DIFFERENCES`` are names of decode vectors, whose ``rule`` is the sentence that the
peer breaks; the values are what the peer gives instead. The list is a test too: a peer that is
mended must be taken off it.
"""

from collections.abc import Callable
from typing import Final

import httpx
import httpx2
import httpx_sse

HEADERS: Final = {"content-type": "text/event-stream"}

Fields = tuple[str, str, str, int | None]
"""``event``, ``data``, ``id``, ``retry_ms``."""


def with_httpx_sse(reads: list[bytes]) -> list[Fields]:
    response = httpx.Response(200, headers=HEADERS, content=iter(reads))
    events = httpx_sse.EventSource(response).iter_sse()
    return [(event.event, event.data, event.id, event.retry) for event in events]


def with_httpx2(reads: list[bytes]) -> list[Fields]:
    request = httpx2.Request("GET", "http://peer.test")
    response = httpx2.Response(200, headers=HEADERS, content=iter(reads), request=request)
    return [(event.event, event.data, event.id, event.retry) for event in httpx2.EventSource(response)]


PEERS: Final[dict[str, Callable[[list[bytes]], list[Fields]]]] = {
    "httpx-sse": with_httpx_sse,
    "httpx2": with_httpx2,
}

_WITH_ID: Final[Fields] = ("message", "a", "1", None)
_EMPTY: Final[Fields] = ("message", "", "1", None)

_BOTH: Final[dict[str, list[Fields]]] = {
    # The BOM is left in the first line, which therefore is an unknown field.
    "a leading BOM is dropped": [],
    # A blank line dispatches although there is no data.
    "a type without data gives nothing and is forgotten": [("a", "", "", None), ("message", "x", "", None)],
    "an id without data counts for the next event": [("message", "", "1", None), ("message", "a", "1", None)],
    "an id without data is the stream's": [("message", "", "1", None)],
    "a retry without data is the stream's alone": [("message", "", "", 3000), ("message", "a", "", None)],
    # The retry is read by `int`, which takes more than ASCII digits.
    "a sign is no retry": [("message", "a", "", 5)],
    "a minus sign is no retry": [("message", "a", "", -5)],
    "a space after the digits is no retry": [("message", "a", "", 5)],
    "two spaces before the digits is no retry": [("message", "a", "", 5)],
    "an underscore is no retry": [("message", "a", "", 1000)],
    "digits that are not ASCII are no retry": [("message", "a", "", 12)],
    # Here it is this package that adds a rule: a largest reconnection time.
    "a retry too large for JSON readers is the largest": [("message", "a", "", 2**53)],
    "a retry of thirty digits is the largest": [("message", "a", "", 10**30 - 1)],
}

DIFFERENCES: Final[dict[str, dict[str, list[Fields]]]] = {
    "httpx-sse": {
        **_BOTH,
        # Once an id was seen, every blank line dispatches, so each keep-alive is an empty event.
        "further blank lines after an id give nothing": [_WITH_ID, _EMPTY, _EMPTY],
        "a comment block after an id gives nothing": [_WITH_ID, _EMPTY],
    },
    "httpx2": _BOTH,
}
