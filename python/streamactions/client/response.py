"""The two ends of a response: its head, which must promise an event stream, and what follows the last event.

Strategy: the head decides whether there is a stream at all, so every failure before it is one
error type with the server's own status where it has one.
"""

import asyncio
import logging
import time
from contextlib import AbstractAsyncContextManager, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Final

from streamactions.client.call import Call
from streamactions.client.http_failure import make_status_error
from streamactions.client.media_type import extract_essence
from streamactions.client.transport import (
    BodyBrokenError,
    ConnectFailedError,
    Request,
    Response,
    Transport,
    TransportError,
)
from streamactions.errors import MAX_STATUS_CODE, MIN_STATUS_CODE, ActionError
from streamactions.printable import escape_controls

__all__ = ["StreamOpening", "read_tail"]

logger = logging.getLogger("streamactions.client")

MAX_ERROR_BODY_BYTES: Final = 65_536
MAX_ERROR_BODY_S: Final = 5.0
"""How much of an HTTP error's body is read in search of an error object, and for how long."""

PLAIN_CODINGS: Final = {
    "content-encoding": frozenset({"", "identity"}),
    "transfer-encoding": frozenset({"", "identity", "chunked"}),
}
"""By header field, the codings that leave a body's bytes as they are.

RFC 9110, section 8.4.1, and RFC 9112, section 7, have the rest. None of them is undone: it was not
asked for, it holds events back, and a few of its bytes can stand for gigabytes.
"""

MAX_TAIL_S: Final = 0.2
MAX_TAIL_READS: Final = 16
"""How long, and how often, the body is read on after its end event."""


class StreamOpening:
    """Sends a request and waits for the head of an event stream, as an async context manager.

    Leaving closes the call and the response.

    Raises:
        ActionError: no answer (``CONNECTION_ERROR``), an HTTP error (`HTTPStatusError`, the server's own
            error object, else ``HTTP_ERROR``), another content type or a compressed body
            (``NOT_AN_EVENT_STREAM``), a limit was reached.
        CallAbortedError: the call was aborted.
    """

    __slots__ = ("_call", "_entered", "_opening", "_request")

    def __init__(self, transport: Transport, request: Request, call: Call) -> None:
        self._call = call
        self._request = request
        self._opening = transport.open_response(request)
        # What to leave, once it was entered.
        self._entered: AbstractAsyncContextManager[Response] | None = None

    async def __aenter__(self) -> Response:
        begin_s = time.monotonic()
        try:
            response = await self._call.wait(self._enter)
            await _check_head(response, self._call)
        except ConnectFailedError as exc:
            self._call.close()
            error = ActionError("CONNECTION_ERROR", f"The server gave no answer: {exc}", 502)
            self._log(begin_s, error)
            raise error from exc
        except BaseException as exc:
            self._log(begin_s, exc)
            await self.__aexit__(type(exc), exc, exc.__traceback__)
            raise
        self._log(begin_s, f"HTTP {response.status}")
        return response

    def _log(self, begin_s: float, outcome: object) -> None:
        """The one line of an exchange, without what may be secret: its query, its headers, its body."""
        if logger.isEnabledFor(logging.DEBUG):
            url = self._request.url.partition("?")[0].partition("#")[0]
            if isinstance(outcome, BaseException) and not isinstance(outcome, ActionError):
                outcome = type(outcome).__name__
            passed_ms = (time.monotonic() - begin_s) * 1000
            told = escape_controls(str(outcome))
            logger.debug("%s %s: %s after %.0f ms", self._request.method, url, told, passed_ms)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call.close()
        if self._entered is not None:
            await self._entered.__aexit__(exc_type, exc, traceback)

    async def _enter(self) -> Response:
        response = await self._opening.__aenter__()
        self._entered = self._opening
        return response


async def _check_head(response: Response, call: Call) -> None:
    if not 200 <= response.status < 300:
        raise await _http_error(response, call)
    content_type = response.headers.get("content-type", "")
    if extract_essence(content_type) != "text/event-stream":
        what = f"content-type {content_type!r}" if content_type else "no content-type"
        message = f"The server answered with {what}, not with text/event-stream: check the URL"
        raise ActionError("NOT_AN_EVENT_STREAM", message, 502)
    if (coding := _find_coding(response)) is not None:
        message = (
            f"The server compressed its events ({coding}), which is not undone: have them sent as they are"
        )
        raise ActionError("NOT_AN_EVENT_STREAM", message, 502)


def _find_coding(response: Response) -> str | None:
    """The header field, with its value, by which the body's bytes are not plain."""
    for name, plain in PLAIN_CODINGS.items():
        value = response.headers.get(name, "")
        if any(coding.strip().lower() not in plain for coding in value.split(",")):
            return f"{name} {value!r}"
    return None


async def _http_error(response: Response, call: Call) -> ActionError:
    """The error that the status and the body make, with the real HTTP status."""
    status = response.status
    try:
        phrase = f"The server answered HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = f"The server answered HTTP {status}"
    if not MIN_STATUS_CODE <= status <= MAX_STATUS_CODE:
        location = response.headers.get("location")
        hint = f", to {location}: call that URL" if location else ""
        return make_status_error(status, response.headers, b"", phrase + hint)
    if (coding := _find_coding(response)) is not None:
        why = f", and why it did is compressed ({coding})"
        return make_status_error(status, response.headers, b"", phrase + why)
    body = b""
    with suppress(BodyBrokenError, TimeoutError):
        async with asyncio.timeout(MAX_ERROR_BODY_S):
            while len(body) <= MAX_ERROR_BODY_BYTES and (data := await call.wait(response.read)):
                body += data
    return make_status_error(status, response.headers, body[:MAX_ERROR_BODY_BYTES], phrase)


async def read_tail(response: Response) -> None:
    """Let the body end after its end event, and ignore what else it holds.

    Closing at once would look to the server like a client that left, and would cost the
    connection; a body that does not end is closed all the same.
    """
    with suppress(TimeoutError, TransportError):
        async with asyncio.timeout(MAX_TAIL_S):
            for _ in range(MAX_TAIL_READS):
                if not await response.read():
                    return
