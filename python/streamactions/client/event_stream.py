"""``open_event_stream``: the general reader, for the event stream of any HTTP API.

Strategy: the same transports, limits and errors as a streaming action has, without its dialects.
One read of the body is one call of the decoder, whatever number of events it completes. How the
stream must end is the caller's knowledge: an API that promises a last event is held to it, and
a body that breaks is an error in any case.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import Any, Final

import orjson
from pydantic_core import PydanticSerializationError, to_json

from streamactions._core import Event, SSEDecoder
from streamactions.client.call import Call, require_positive
from streamactions.client.chunks import stream_incomplete
from streamactions.client.default import open_transport, resolve_transport
from streamactions.client.request import STREAM_HEADERS, Headers, with_headers
from streamactions.client.response import open_stream, read_tail
from streamactions.client.target import check_url
from streamactions.client.transport import BodyBrokenError, Request, Response
from streamactions.errors import ActionError, DefinitionError, EventTooLargeError

__all__ = ["EventStream", "open_event_stream"]

DEFAULT_MAX_EVENT_BYTES: Final = 1_048_576


class EventStream:
    """The events of one response, read once, in one of two ways: ``async for``, or `values`.

    Made by `open_event_stream`.

    Attributes:
        status: the HTTP status code, 200 to 299.
        headers: the response's header fields; looking one up ignores case.
        complete: the stream was read to its proven end.
    """

    def __init__(
        self, response: Response, call: Call, *, end: str | None, end_event: str | None, max_event_bytes: int
    ) -> None:
        self._response = response
        # A wait that nothing can interrupt needs no guard.
        self._read = response.read if call.is_unlimited else partial(call.wait, response.read)
        self._call = call
        self._end = end
        self._end_event = end_event
        self._max_event_bytes = max_event_bytes
        self._decoder = SSEDecoder(max_event_bytes=max_event_bytes)
        # Raised by the read after the one that met it, whose good events are given first.
        self._decoder_fault: EventTooLargeError | None = None
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.complete = False

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Each event as it comes; returns at the stream's end.

        Raises:
            ActionError: the stream was cut (``STREAM_INCOMPLETE``), a limit was reached
                (``TIMEOUT_ERROR``), an event is too large (``EVENT_TOO_LARGE``).
        """
        while not self.complete:
            for event in await self._next_items(self._decoder.feed):
                if self._is_end(event):
                    if self._end_event is not None:
                        yield event
                    await self._finish()
                    return
                yield event

    async def values(self) -> AsyncGenerator[Any, None]:
        """The JSON value of each event as it comes, whatever its type; else as ``async for``.

        Raises:
            ActionError: as for ``async for``; or an event is not JSON (``INVALID_CHUNK``).
        """
        while not self.complete:
            for item in await self._next_items(self._feed_json):
                if type(item) is not Event:
                    yield item
                elif not self._is_end(item):
                    yield _value_of(item)
                else:
                    if self._end_event is not None:
                        yield _value_of(item)
                    await self._finish()
                    return

    def _feed_json(self, data: bytes) -> list[Any]:
        # An end that is known by its type must be seen as an event.
        return self._decoder.feed_json(data, messages_only=self._end_event is not None)

    async def _next_items(self, feed: Callable[[bytes], list[Any]]) -> list[Any]:
        """What one read completes; nothing once the body has ended well.

        A fault is raised when all that came before it was given.
        """
        if self._decoder_fault is not None:
            message = f"The server sent an event of more than {self._max_event_bytes} bytes (max_event_bytes)"
            raise ActionError("EVENT_TOO_LARGE", message, 502) from self._decoder_fault
        try:
            data = await self._read()
        except BodyBrokenError as exc:
            raise stream_incomplete() from exc
        if not data:
            if self._end is not None or self._end_event is not None or self._decoder.buffered_bytes:
                raise stream_incomplete()
            self.complete = True
            return []
        try:
            items = feed(data)
        except EventTooLargeError as exc:
            self._decoder_fault = exc
            items = exc.events
        if items:
            self._call.started()
        return items

    def _is_end(self, event: Event) -> bool:
        if self._end_event is not None:
            return event.event == self._end_event
        return self._end is not None and event.data == self._end

    async def _finish(self) -> None:
        self.complete = True
        await read_tail(self._response)


@asynccontextmanager
async def open_event_stream(
    method: str,
    url: str,
    *,
    json: Any = None,
    headers: Headers | None = None,
    end: str | None = None,
    end_event: str | None = None,
    timeout: float | None = None,
    first_event_timeout_s: float | None = None,
    idle_timeout_s: float | None = None,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    client: object = None,
) -> AsyncIterator[EventStream]:
    """Open the event stream of any HTTP API; entering sends the request and waits for its head.

    Leaving the block closes the connection, unless the stream was read to its end: then a
    ``client`` of one's own may keep it for another request.

    Args:
        method: the HTTP method, such as ``"POST"``.
        url: an absolute http(s) URL.
        json: what JSON can hold, pydantic models included; ``None`` sends no body.
        headers: header fields, or a function, sync or async, that gives them.
        end: the data of the last event, where the API promises one, such as ``"[DONE]"``. It is
            not given. A body that ends without it was cut.
        end_event: the type of the last event, likewise, such as ``"message_stop"``. That event is
            given, because it may say something.
        timeout: the limit of the whole exchange, in seconds (``TIMEOUT_ERROR``); ``None`` for none.
        first_event_timeout_s: the limit from the request to the first event, in seconds.
        idle_timeout_s: the limit of each wait for bytes, in seconds; keep-alives count as bytes.
        max_event_bytes: the bound on what one event may hold (``EVENT_TOO_LARGE``).
        client: the caller's own ``aiohttp.ClientSession``, ``httpx.AsyncClient``,
            ``httpx2.AsyncClient`` or `Transport`, which is never closed here; ``None`` opens a
            connection for this stream alone.

    Raises:
        DefinitionError: an argument is wrong; the message says what to write.
        TypeError: JSON cannot hold ``json``, or a header is no string.
        ActionError: no answer (``CONNECTION_ERROR``), an HTTP error (the server's own error object,
            else ``HTTP_ERROR``), no event stream (``NOT_AN_EVENT_STREAM``), ``TIMEOUT_ERROR``.
    """
    check_url(url)
    _check_end(end, end_event)
    require_positive(
        timeout=timeout,
        first_event_timeout_s=first_event_timeout_s,
        idle_timeout_s=idle_timeout_s,
        max_event_bytes=max_event_bytes,
    )
    request = await with_headers(_request(method, url, json), headers)
    async with open_transport(resolve_transport(client)) as transport:
        # Its time starts here, because making a transport may import a library.
        call = Call(timeout, idle_timeout_s, first_event_timeout_s)
        async with open_stream(transport, request, call) as response:
            yield EventStream(response, call, end=end, end_event=end_event, max_event_bytes=max_event_bytes)


def _request(method: str, url: str, json: Any) -> Request:
    if json is None:
        return Request(method.upper(), url, STREAM_HEADERS, None)
    try:
        body = to_json(json, by_alias=True)
    except PydanticSerializationError as exc:
        raise TypeError(
            f"json={json!r} cannot be sent ({exc}): pass a model, or dicts, lists, strings and numbers"
        ) from exc
    return Request(method.upper(), url, {**STREAM_HEADERS, "content-type": "application/json"}, body)


def _check_end(end: str | None, end_event: str | None) -> None:
    if end is None:
        return
    if end_event is not None:
        raise DefinitionError("pass either end (the last event's data) or end_event (its type), not both")
    if _is_json(end):
        raise DefinitionError(
            f"end={end!r} is JSON, like any other event: name the last event's type, end_event"
        )


@lru_cache(maxsize=16)
def _is_json(end: str) -> bool:
    """Remembered, since a program knows a few ends and opens many streams."""
    try:
        orjson.loads(end)
    except orjson.JSONDecodeError:
        return False
    return True


def _value_of(event: Event) -> Any:
    try:
        return event.json()
    except ValueError as exc:
        raise ActionError("INVALID_CHUNK", f"The server sent no JSON: {exc}", 502) from exc
