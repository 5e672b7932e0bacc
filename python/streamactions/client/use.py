"""``use_stream_action``: the options as a user writes them, checked and resolved once."""

from typing import Any, Final, overload

from pydantic import TypeAdapter

from streamactions.client.call import require_positive
from streamactions.client.default import resolve_transport
from streamactions.client.handle import Callback, HandleOptions, StreamHandle
from streamactions.client.request import Headers, check_headers
from streamactions.client.target import ActionTarget, resolve_target
from streamactions.dialects import Dialect, resolve_dialect
from streamactions.errors import ActionError
from streamactions.options import OptionChecks, make_adapter
from streamactions.types import ChunkT, Form

__all__ = ["use_stream_action"]

DEFAULT_PREFIX: Final = "/api/_actions"
DEFAULT_MAX_EVENT_BYTES: Final = 1_048_576


@overload
def use_stream_action(
    target: str | ActionTarget,
    *,
    output: type[ChunkT] | TypeAdapter[ChunkT],
    base_url: str | None = None,
    prefix: str = DEFAULT_PREFIX,
    method: str | None = None,
    input: Any = None,
    dialect: str | Dialect | None = None,
    headers: Headers | None = None,
    timeout: float | None = None,
    idle_timeout_s: float | None = None,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    keep_chunks: bool = True,
    on_chunk: Callback[ChunkT] | None = None,
    on_done: Callback[list[ChunkT]] | None = None,
    on_error: Callback[ActionError] | None = None,
    client: object = None,
) -> StreamHandle[ChunkT]: ...


@overload
def use_stream_action(
    target: ActionTarget[ChunkT],
    *,
    output: None = None,
    base_url: str | None = None,
    prefix: str = DEFAULT_PREFIX,
    method: str | None = None,
    input: Any = None,
    dialect: str | Dialect | None = None,
    headers: Headers | None = None,
    timeout: float | None = None,
    idle_timeout_s: float | None = None,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    keep_chunks: bool = True,
    on_chunk: Callback[ChunkT] | None = None,
    on_done: Callback[list[ChunkT]] | None = None,
    on_error: Callback[ActionError] | None = None,
    client: object = None,
) -> StreamHandle[ChunkT]: ...


@overload
def use_stream_action(
    target: str,
    *,
    output: Any = None,
    base_url: str | None = None,
    prefix: str = DEFAULT_PREFIX,
    method: str | None = None,
    input: Any = None,
    dialect: str | Dialect | None = None,
    headers: Headers | None = None,
    timeout: float | None = None,
    idle_timeout_s: float | None = None,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    keep_chunks: bool = True,
    on_chunk: Callback[Any] | None = None,
    on_done: Callback[list[Any]] | None = None,
    on_error: Callback[ActionError] | None = None,
    client: object = None,
) -> StreamHandle[Any]: ...


@overload
def use_stream_action(
    target: ActionTarget[Any],
    *,
    output: Form,
    base_url: str | None = None,
    prefix: str = DEFAULT_PREFIX,
    method: str | None = None,
    input: Any = None,
    dialect: str | Dialect | None = None,
    headers: Headers | None = None,
    timeout: float | None = None,
    idle_timeout_s: float | None = None,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    keep_chunks: bool = True,
    on_chunk: Callback[Any] | None = None,
    on_done: Callback[list[Any]] | None = None,
    on_error: Callback[ActionError] | None = None,
    client: object = None,
) -> StreamHandle[Any]: ...


def use_stream_action(
    target: str | ActionTarget,
    *,
    output: Any = None,
    base_url: str | None = None,
    prefix: str = DEFAULT_PREFIX,
    method: str | None = None,
    input: Any = None,
    dialect: str | Dialect | None = None,
    headers: Headers | None = None,
    timeout: float | None = None,
    idle_timeout_s: float | None = None,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    keep_chunks: bool = True,
    on_chunk: Callback[Any] | None = None,
    on_done: Callback[list[Any]] | None = None,
    on_error: Callback[ActionError] | None = None,
    client: object = None,
) -> StreamHandle[Any]:
    """Make a handle on a streaming action; nothing is sent before ``execute`` or ``stream``.

    Args:
        target: an absolute URL, a path under ``base_url``, or a ``StreamAction``, whose method,
            input and output types and dialect are taken over where they are not named here.
        base_url: such as ``"https://host"``; a path of its own is kept.
        prefix: the path under which the server has its actions; counts for a ``StreamAction``.
        method: the HTTP method, ``"POST"`` for a URL. A GET sends its input as query parameters.
        input: the type of the input, anything that pydantic's ``TypeAdapter`` takes. An input
            that does not match is a ``VALIDATION_ERROR`` without a request.
        output: the type of each chunk, likewise. A chunk that does not match is ``INVALID_CHUNK``.
        dialect: what the server speaks; found out where ``None``.
        headers: header fields, or a function, sync or async, that gives them before each request.
        timeout: the limit of a whole call, in seconds (``TIMEOUT_ERROR``); ``None`` for none.
        idle_timeout_s: the limit of each wait for bytes, in seconds; keep-alives count as bytes.
        max_event_bytes: the bound on what one event may hold (``EVENT_TOO_LARGE``).
        keep_chunks: whether ``chunks`` fills; ``False`` for a stream without end.
        on_chunk: called with each chunk. This and the others may be sync or async.
        on_done: called with all chunks once the server said that the stream is complete.
        on_error: called with the error of a stream that failed.
        client: the caller's own ``aiohttp.ClientSession``, ``httpx.AsyncClient``,
            ``httpx2.AsyncClient`` or `Transport`, which is never closed here.

    Raises:
        DefinitionError: an option is wrong; the message says what to write.
    """
    checks = OptionChecks("use_stream_action()")
    for option, text in (("base_url", base_url), ("method", method)):
        if text is not None:
            checks.text(option, text, "http://127.0.0.1:8000" if option == "base_url" else "POST")
    checks.prefix("prefix", prefix)
    checks.whole_positive("max_event_bytes", max_event_bytes)
    checks.flag("keep_chunks", keep_chunks)
    for option, callback in (("on_chunk", on_chunk), ("on_done", on_done), ("on_error", on_error)):
        if callback is not None:
            checks.function(option, callback, "notify")
    check_headers(headers, "use_stream_action()")
    resolved = resolve_target(target, base_url=base_url, prefix=prefix, method=method)
    require_positive(timeout=timeout, idle_timeout_s=idle_timeout_s)
    return StreamHandle(
        HandleOptions(
            target=resolved,
            input_adapter=make_adapter("input", input, "use_stream_action()") or resolved.input_adapter,
            output_adapter=make_adapter("output", output, "use_stream_action()") or resolved.output_adapter,
            dialect=resolved.dialect if dialect is None else resolve_dialect(dialect),
            headers=headers,
            timeout_s=timeout,
            idle_timeout_s=idle_timeout_s,
            max_event_bytes=max_event_bytes,
            keep_chunks=keep_chunks,
            on_chunk=on_chunk,
            on_done=on_done,
            on_error=on_error,
            transport=resolve_transport(client),
        )
    )
