"""What is sent: the input as JSON or as a query, checked before it leaves, and the headers.

The input goes out as it was given, models by their aliases; the input type only checks it, by
reading what is sent as the server will. So a type that converts what it reads does so once, there.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode, urlsplit

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, from_json, to_json

from streamactions.client.target import Target
from streamactions.client.transport import Request
from streamactions.errors import ActionError, DefinitionError
from streamactions.inputs import read_json, read_query

__all__ = [
    "STREAM_HEADERS",
    "Headers",
    "check_headers",
    "encode_request",
    "find_input_error",
    "with_headers",
    "with_query",
]

Headers: TypeAlias = Mapping[str, str] | Callable[[], Mapping[str, str] | Awaitable[Mapping[str, str]]]
"""Header fields, or a function, sync or async, that is asked for them before each request."""

_FORBIDDEN: Final = re.compile(r"[\r\n\0]")

_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})

# A compressor holds a stream back until it has enough, so compression is declined.
STREAM_HEADERS: Final = {"accept": "text/event-stream", "accept-encoding": "identity"}


def encode_request(target: Target, input: object) -> Request:
    """The request that carries an input, without the caller's own headers.

    ``None`` counts as ``{}``, and a float that JSON does not have as ``null``. The members of a
    GET's input become its query: strings as they are, a list as one field for each of its items, all else as
    JSON; ``null`` is left out.

    Raises:
        TypeError: JSON cannot hold the input, or that of a GET is no object.
    """
    try:
        body = b"{}" if input is None else to_json(input, by_alias=True, inf_nan_mode="null")
    except PydanticSerializationError as exc:
        raise TypeError(
            f"the input cannot be sent as JSON ({exc}): pass a model, or dicts, lists, strings and numbers"
        ) from exc
    if target.method != "GET":
        headers = {**STREAM_HEADERS, **target.headers, "content-type": "application/json"}
        return Request(target.method, target.url, headers, body)
    members = from_json(body)
    if not isinstance(members, dict):
        raise TypeError("the input of a GET action must be an object: its members become the query")
    query = urlencode([field for name, value in members.items() for field in _query_fields(name, value)])
    return Request(target.method, with_query(target.url, query), {**STREAM_HEADERS, **target.headers}, None)


def find_input_error(request: Request, adapter: TypeAdapter[Any] | None) -> ActionError | None:
    """The error that the server would send for this request's input (``VALIDATION_ERROR``), if any."""
    if adapter is None:
        return None
    try:
        if request.body is None:
            read_query(adapter, urlsplit(request.url).query.encode())
        else:
            read_json(adapter, request.body)
    except ActionError as error:
        return error
    return None


def check_headers(headers: object, what: str) -> None:
    """Refuse a ``headers=`` that is neither header fields nor a function.

    Args:
        what: how the error calls the definition.

    Raises:
        DefinitionError: likewise.
    """
    if headers is not None and not callable(headers) and not isinstance(headers, Mapping):
        raise DefinitionError(
            f"{what} has headers that are a {type(headers).__name__}: write "
            '{"authorization": "Bearer ..."}, or a function that returns such'
        )


async def with_headers(request: Request, headers: Headers | None) -> Request:
    """The request with the caller's own headers, which replace ours whatever their case.

    Raises:
        TypeError: a header is no string.
        ValueError: a header holds a line break or NUL, or says how long the body is.
    """
    if headers is None:
        return request
    fields: Any = headers() if callable(headers) else headers
    if inspect.isawaitable(fields):
        fields = await fields
    merged = dict(request.headers)
    for name, value in fields.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                f"header {name!r} must be a string with a string value, not {type(value).__name__}"
            )
        if _FORBIDDEN.search(name) or _FORBIDDEN.search(value):
            raise ValueError(f"header {name!r} holds a line break or NUL: remove it")
        if name.lower() in _FRAMING:
            raise ValueError(
                f"header {name!r} follows from the body, and a wrong one would cut it: remove it"
            )
        merged[name.lower()] = value
    return Request(request.method, request.url, merged, request.body)


def _query_fields(name: str, value: object) -> list[tuple[str, str]]:
    """One field for a value, one for each of a list, none for ``None``."""
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [(name, item if isinstance(item, str) else to_json(item).decode()) for item in values]


def with_query(url: str, query: str) -> str:
    """The URL with these parameters after its own."""
    if not query:
        return url
    url, hash_mark, fragment = url.partition("#")
    return f"{url}{'&' if '?' in url else '?'}{query}{hash_mark}{fragment}"
