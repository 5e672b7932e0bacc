"""``open_event_stream``: the general reader, for the event stream of any HTTP API.

Strategy: the same transports, limits and errors as a streaming action has, without its dialects.
The loop itself is the extension's, so that a token costs no Python but the caller's own. How the
stream must end is the caller's knowledge: an API that promises a last event is held to it, and
a body that breaks is an error in any case.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlencode

import orjson
from pydantic_core import PydanticSerializationError, to_json

from streamactions._core import Event, EventReader
from streamactions.client.call import Call, require_positive
from streamactions.client.chunks import stream_incomplete
from streamactions.client.default import DefaultTransport, resolve_transport
from streamactions.client.hyper_transport import HyperResponse
from streamactions.client.request import STREAM_HEADERS, Headers, check_headers, with_headers, with_query
from streamactions.client.response import StreamOpening, read_tail
from streamactions.client.transport import BodyBrokenError, Request, Response, Transport
from streamactions.client.url import Address, read_url
from streamactions.errors import ActionError, DefinitionError
from streamactions.options import OptionChecks

__all__ = ["EventStream", "open_event_stream"]

DEFAULT_MAX_EVENT_BYTES: Final = 1_048_576

Params: TypeAlias = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Query parameters: names, which may repeat, with texts or numbers, or lists of these."""

EventFault: TypeAlias = Literal["cut", "too large", "not JSON"]
"""Why a reader cannot go on."""


class EventStream:
    """The events of one response, read once, in one of two ways: ``async for``, or `values`.

    Made by `open_event_stream`. A loop that was left can be followed by another, which goes on where
    it stopped.

    Attributes:
        status: the HTTP status code, 200 to 299.
        headers: the response's header fields; looking one up ignores case.
    """

    def __init__(
        self, response: Response, call: Call, *, end: str | None, end_event: str | None, max_event_bytes: int
    ) -> None:
        exchange = response.exchange if isinstance(response, HyperResponse) else None
        self._reader = EventReader(
            partial(_read, _make_wait(response, call)) if exchange is None else exchange,
            max_event_bytes=max_event_bytes,
            end=end,
            end_event=end_event,
            on_start=call.started,
            read_tail=partial(read_tail, response),
            make_fault=partial(_make_fault, max_event_bytes),
        )
        call.guard(self._reader)
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    @property
    def complete(self) -> bool:
        """Whether the stream was read to its proven end; one without an event has none."""
        return self._reader.complete

    def __aiter__(self) -> AsyncIterator[Event]:
        """Each event as it comes; returns at the stream's end.

        Raises:
            ActionError: the stream was cut or held no event (``STREAM_INCOMPLETE``), a limit was reached
                (``TIMEOUT_ERROR``), an event is too large (``EVENT_TOO_LARGE``).
            RuntimeError: another task waits for an event of the same stream.
        """
        return self._reader.events()

    def values(self) -> AsyncIterator[Any]:
        """The JSON value of each event as it comes, whatever its type; else as ``async for``.

        Raises:
            ActionError: as for ``async for``; or an event is not JSON (``INVALID_CHUNK``).
            RuntimeError: likewise.
        """
        return self._reader.values()


def _make_wait(response: Response, call: Call) -> Callable[[], Awaitable[bytes]]:
    # A wait that nothing can interrupt needs no guard.
    return response.read if call.is_unlimited else partial(call.wait, response.read)


async def _read(wait: Callable[[], Awaitable[bytes]]) -> bytes:
    try:
        return await wait()
    except BodyBrokenError as exc:
        raise stream_incomplete() from exc


def _make_fault(max_event_bytes: int, why: EventFault, cause: Exception) -> ActionError:
    """The error for what the reader met."""
    if why == "cut":
        error = stream_incomplete()
    elif why == "too large":
        message = f"The server sent an event of more than {max_event_bytes} bytes (max_event_bytes)"
        error = ActionError("EVENT_TOO_LARGE", message, 502)
    else:
        error = ActionError("INVALID_CHUNK", f"The server sent no JSON: {cause}", 502)
    error.__cause__ = cause
    return error


def open_event_stream(
    method: str,
    url: str,
    *,
    params: Params | None = None,
    json: Any = None,
    content: bytes | str | None = None,
    headers: Headers | None = None,
    end: str | None = None,
    end_event: str | None = None,
    timeout: float | None = None,
    first_event_timeout_s: float | None = None,
    idle_timeout_s: float | None = None,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    client: object = None,
) -> AbstractAsyncContextManager[EventStream]:
    """Open the event stream of any HTTP API; entering sends the request and waits for its head.

    Leaving the block closes the connection, unless the stream was read to its end: then a
    ``client`` of one's own may keep it for another request.

    Args:
        method: the HTTP method, such as ``"POST"``.
        url: an absolute http(s) URL.
        params: what is added to the URL's query, names with values or lists of values; ``None`` is left out.
        json: what JSON can hold, pydantic models included; ``None`` sends no body. A float that JSON does
            not have is sent as ``null``.
        content: a body as it is, instead of ``json``; its ``content-type`` is for ``headers`` to name.
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
        ActionError: no answer (``CONNECTION_ERROR``), an HTTP error (`HTTPStatusError`, the server's own
            error object, else ``HTTP_ERROR``), no event stream or a compressed one (``NOT_AN_EVENT_STREAM``),
            ``TIMEOUT_ERROR``.
    """
    checks = OptionChecks("open_event_stream()")
    checks.method("method", method)
    check_headers(headers, "open_event_stream()")
    request = _request(method, url, params, json, content)
    for option, text in (("end", end), ("end_event", end_event)):
        if text is not None:
            checks.text(option, text, "[DONE]" if option == "end" else "message_stop")
    _check_end(end, end_event)
    checks.whole_positive("max_event_bytes", max_event_bytes)
    require_positive(
        timeout=timeout,
        first_event_timeout_s=first_event_timeout_s,
        idle_timeout_s=idle_timeout_s,
    )
    return _EventStreamOpening(
        request,
        headers,
        resolve_transport(client),
        limits=(timeout, idle_timeout_s, first_event_timeout_s),
        options={"end": end, "end_event": end_event, "max_event_bytes": max_event_bytes},
    )


class _EventStreamOpening(AbstractAsyncContextManager[EventStream]):
    __slots__ = ("_headers", "_limits", "_opening", "_options", "_own_transport", "_request", "_transport")

    def __init__(
        self,
        request: Request,
        headers: Headers | None,
        transport: Transport | None,
        *,
        limits: tuple[float | None, float | None, float | None],
        options: dict[str, Any],
    ) -> None:
        self._request = request
        self._headers = headers
        self._transport = transport
        self._own_transport: DefaultTransport | None = None
        self._limits = limits
        self._options = options
        self._opening: StreamOpening | None = None

    async def __aenter__(self) -> EventStream:
        if self._opening is not None:
            raise RuntimeError("this stream was opened already: call open_event_stream again")
        request = await with_headers(self._request, self._headers)
        if self._transport is None:
            self._transport = self._own_transport = DefaultTransport()
        call = Call(*self._limits)
        opening = StreamOpening(self._transport, request, call)
        try:
            response = await opening.__aenter__()
        except BaseException:
            await self._close_own()
            raise
        self._opening = opening
        return EventStream(response, call, **self._options)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._opening is not None:
                await self._opening.__aexit__(exc_type, exc, traceback)
        finally:
            await self._close_own()

    async def _close_own(self) -> None:
        if self._own_transport is not None:
            await self._own_transport.aclose()


def _request(method: str, url: str, params: Params | None, json: Any, content: bytes | str | None) -> Request:
    address = read_url(url)
    headers = {**STREAM_HEADERS, **address.headers}
    if params:
        address = Address(with_query(address.url, _encode_params(params)), address.headers)
    if content is not None:
        if json is not None:
            raise DefinitionError("pass either json or content, not both")
        if not isinstance(content, bytes | str):
            raise DefinitionError(f"content must be bytes or a string, not {type(content).__name__}")
        body = content.encode() if isinstance(content, str) else content
        return Request(method.upper(), address.url, headers, body)
    if json is None:
        return Request(method.upper(), address.url, headers, None)
    try:
        body = to_json(json, by_alias=True, inf_nan_mode="null")
    except PydanticSerializationError as exc:
        raise TypeError(
            f"json={json!r} cannot be sent ({exc}): pass a model, or dicts, lists, strings and numbers"
        ) from exc
    return Request(method.upper(), address.url, {**headers, "content-type": "application/json"}, body)


def _encode_params(params: Params) -> str:
    pairs = params.items() if isinstance(params, Mapping) else params
    told = []
    for pair in pairs if isinstance(pairs, Iterable) else [pairs]:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise DefinitionError('params must be names with values: write {"name": "value"}')
        name, value = pair
        for part in value if isinstance(value, list | tuple) else [value]:
            if part is None:
                continue
            if not isinstance(part, str | int | float):
                raise DefinitionError(
                    f"params: the value of {name!r} must be a string, a number or a list of these, "
                    f"not {type(part).__name__}"
                )
            told.append((name, str(part).lower() if isinstance(part, bool) else part))
    return urlencode(told)


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
