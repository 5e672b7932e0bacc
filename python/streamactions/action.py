"""Defining an action: a function and its options, checked once, when the module is imported.

Everything that can be wrong with a definition is found here, so that a call only looks things up.
"""

import asyncio
import functools
import inspect
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Generic, Protocol, Self, Unpack, overload

from pydantic import TypeAdapter

from streamactions.annotations import check_annotations
from streamactions.dialects import Dialect, resolve_dialect
from streamactions.errors import DefinitionError
from streamactions.handlers import ActionOptions, Handler
from streamactions.inputs import find_unqueryable, read_json, read_query
from streamactions.middleware import Middleware
from streamactions.options import OptionChecks, make_adapter
from streamactions.parameters import (
    is_async_callable,
    is_async_generator_callable,
    is_generator_callable,
    requested_names,
)
from streamactions.stream import Encoding, Stream, make_encoding
from streamactions.threads import Threaded, iterate_in_threads
from streamactions.types import ChunkT, Form, InputT, Metadata, OnDisconnect, ServerErrorHandler

__all__ = ["StreamAction", "define_stream_action"]

logger = logging.getLogger("streamactions")

_OFFERED: Final = ("input", "stream", "ctx", "event", "response")
_METHODS: Final = ("POST", "GET", "PUT", "PATCH", "DELETE")
_NAME: Final = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")


class StreamAction(Generic[InputT, ChunkT]):
    """One streaming endpoint: what ``define_stream_action`` makes of a function.

    For type checkers it has the types of its input and of a chunk as a client reads it, as far as
    ``input=`` and ``output=`` name them.

    Attributes:
        name: its path below the app's prefix, such as ``"ai-chat"``.
        method: the HTTP method.
        handler: the function as it was written.
        needs_event: whether the handler takes ``event``.
        needs_response: whether it takes ``response``, so that it may set headers before the first chunk.
        input_adapter: validates the input; ``None`` passes the raw JSON.
        output_adapter: validates and serialises each chunk; ``None`` sends chunks as they are.
        middleware: what runs before the stream opens, in order.
        metadata: what the author attached.
        dialect: how the stream is spelled; ``None`` leaves it to the app.
        on_disconnect: what a client's leaving does to the handler's task.
        keep_alive_s: seconds of silence before a keep-alive; ``None`` leaves it to the app.
        max_body_bytes: the largest request body; ``None`` leaves it to the app.
        body_timeout_s: seconds within which it has to arrive; ``None`` leaves it to the app.
        encoding: how chunks become JSON.
    """

    def __init__(
        self,
        handler: Callable[..., Any],
        *,
        input: Any = None,
        output: Any = None,
        middleware: Iterable[Middleware | Callable[..., Awaitable[Any]]] = (),
        metadata: Mapping[str, Any] | None = None,
        handle_server_error: ServerErrorHandler | None = None,
        name: str | None = None,
        method: str = "POST",
        on_disconnect: OnDisconnect = "cancel",
        dialect: str | Dialect | None = None,
        keep_alive_s: float | None = None,
        max_body_bytes: int | None = None,
        body_timeout_s: float | None = None,
    ) -> None:
        function_name = getattr(handler, "__name__", type(handler).__name__)
        what = f"handler {function_name}()"
        if isinstance(handler, StreamAction):
            raise DefinitionError(f"{handler!r} is an action already: decorate its function once")
        if inspect.isclass(handler):
            raise DefinitionError(
                f"a handler must be a function, not the class {function_name}: "
                f"write define_stream_action(input={function_name}) above the function"
            )
        if not callable(handler):
            raise DefinitionError(f"a handler must be a function, not a {type(handler).__name__}")
        is_async_generator = is_async_generator_callable(handler)
        self._is_generator = is_async_generator or is_generator_callable(handler)
        self._is_async = is_async_generator or is_async_callable(handler)
        self._names = requested_names(handler, _OFFERED, what=what)
        if "stream" not in self._names and not self._is_generator:
            raise DefinitionError(
                f"{what} sends nothing: take 'stream' and {self._example_of_sending()}, or yield chunks"
            )
        self.needs_event: bool = "event" in self._names
        self.needs_response: bool = "response" in self._names
        checks = OptionChecks(what)
        self.name: str = _check_name(function_name.replace("_", "-") if name is None else name, what)
        self.method: str = method.upper() if isinstance(method, str) else method
        checks.choice("method", self.method, _METHODS)
        self.on_disconnect: OnDisconnect = on_disconnect
        checks.choice("on_disconnect", on_disconnect, ("cancel", "continue"))
        self.handler = handler
        self.input_adapter: TypeAdapter[InputT] | None = make_adapter("input", input, what)
        if self.method == "GET" and self.input_adapter is not None:
            _refuse_unqueryable(self.input_adapter, what)
        self.output_adapter: TypeAdapter[ChunkT] | None = make_adapter("output", output, what)
        check_annotations(handler, input=input, output=output, what=what)
        self.middleware: tuple[Middleware, ...] = tuple(
            item if isinstance(item, Middleware) else Middleware(item)
            for item in checks.listed("middleware", middleware, "auth")
        )
        if metadata is not None:
            checks.mapping("metadata", metadata, '{"role": "admin"}')
        self.metadata: Metadata = dict(metadata or {})
        if handle_server_error is not None:
            checks.function("handle_server_error", handle_server_error, "translate")
        self.handle_server_error = handle_server_error
        self.dialect: Dialect | None = None if dialect is None else resolve_dialect(dialect)
        for option, seconds in (("keep_alive_s", keep_alive_s), ("body_timeout_s", body_timeout_s)):
            if seconds is not None:
                checks.positive(option, seconds)
        if max_body_bytes is not None:
            checks.whole_positive("max_body_bytes", max_body_bytes)
        self.keep_alive_s = keep_alive_s
        self.max_body_bytes = max_body_bytes
        self.body_timeout_s = body_timeout_s
        self.encoding: Encoding = make_encoding(self.output_adapter)
        # What help() and inspect show is the function.
        functools.update_wrapper(self, handler, updated=())
        self.__name__ = function_name
        self.__doc__ = handler.__doc__
        self.__signature__ = inspect.signature(handler)

    def __repr__(self) -> str:
        return f"StreamAction({self.name!r}, method={self.method!r})"

    def __get__(self, instance: object, owner: type | None = None) -> Self:
        """An action in a class is itself. What has this method is a routine to ``inspect`` and ``help``."""
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the handler as it was written, so that a unit test can pass its own ``stream``."""
        return self.handler(*args, **kwargs)

    def read_input(self, body: bytes, query_string: bytes) -> Any:
        """The handler's ``input``, from the body or, for ``GET``, from the query string.

        Raises:
            ActionError: the input is refused.
        """
        if self.method == "GET":
            return read_query(self.input_adapter, query_string)
        return read_json(self.input_adapter, body)

    def explain_return(self, returned: object) -> DefinitionError:
        """The error of a handler that returned something: nobody would ever see it."""
        if isinstance(returned, Coroutine):
            returned.close()
            return DefinitionError(
                f"handler {self.__name__}() is not async and returned a coroutine, which nobody awaits: "
                f"write 'async def {self.__name__}', or functools.wraps in the decorator around it"
            )
        return DefinitionError(
            f"handler {self.__name__}() returned a {type(returned).__name__}, which goes nowhere: "
            f"{self._example_of_sending()} what the client shall get, and return nothing"
        )

    def _example_of_sending(self) -> str:
        return "await stream.send(...)" if self._is_async else "stream.send_from_thread(...)"

    def run(self, stream: Stream, offered: Mapping[str, Any]) -> Awaitable[object]:
        """A coroutine that runs the handler with those of the offered values that it takes.

        Args:
            stream: where a generator's chunks go.
            offered: values by parameter name.
        """
        arguments = {}
        for name in self._names:
            arguments[name] = offered[name]
        if not self._is_async and not self._is_generator:
            return Threaded().run(functools.partial(self.handler, **arguments))
        result = self.handler(**arguments)
        if self._is_generator:
            return _send_all(stream, result if self._is_async else iterate_in_threads(result))
        handler: Awaitable[object] = result
        return handler


async def _send_all(stream: Stream, generator: AsyncGenerator[Any, None]) -> None:
    """Send all that a generator yields, and close it however that ends; its first failure is raised."""
    try:
        await stream.send_each(generator)
    except GeneratorExit:
        # The loop was closed: nothing can be awaited any more.
        raise
    except BaseException as error:
        try:
            await generator.aclose()
        except asyncio.CancelledError:
            raise
        except BaseException as closing:
            hidden = _without_exit(closing)
            # A task group that holds the yield cancels this task to tell of a failure in it, which only
            # now comes out.
            if hidden is not None and isinstance(error, asyncio.CancelledError):
                raise hidden from None
            if hidden is not None:
                logger.error("a generator failed again while it was closed", exc_info=hidden)
        raise


def _without_exit(error: BaseException) -> BaseException | None:
    """What there is beside the ``GeneratorExit`` that closing a generator raises in it, if anything."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(GeneratorExit)[1]
    return None if isinstance(error, GeneratorExit) else error


def _check_name(name: object, what: str) -> str:
    # Clients leave out "." and ".." in a path (RFC 3986, 5.2.4).
    if not isinstance(name, str) or not _NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
        raise DefinitionError(f'{what} has no usable path name ({name!r}): write name="my-action"')
    return name


class _Definer(Protocol[InputT, ChunkT]):
    """What ``define_stream_action`` is as a decorator with options."""

    def __call__(self, handler: Handler[InputT, ChunkT], /) -> StreamAction[InputT, ChunkT]: ...


def _refuse_unqueryable(adapter: TypeAdapter[Any], what: str) -> None:
    unqueryable = find_unqueryable(adapter)
    if unqueryable is not None:
        raise DefinitionError(
            f'{what} has method="GET", but no query can hold {unqueryable}: write method="POST", '
            "or use a model with fields that are plain or lists (pydantic.Json[...] takes JSON text)"
        )


@overload
def define_stream_action(
    handler: Handler[InputT, ChunkT],
    *,
    input: type[InputT] | TypeAdapter[InputT] | Form | None = None,
    output: type[ChunkT] | TypeAdapter[ChunkT] | Form,
    **options: Unpack[ActionOptions],
) -> StreamAction[InputT, ChunkT]: ...
@overload
def define_stream_action(
    handler: Handler[InputT, Any],
    *,
    input: type[InputT] | TypeAdapter[InputT] | Form | None = None,
    output: None = None,
    **options: Unpack[ActionOptions],
) -> StreamAction[InputT, Any]: ...
@overload
def define_stream_action(
    handler: None = None,
    *,
    input: type[InputT] | TypeAdapter[InputT] | Form | None = None,
    output: type[ChunkT] | TypeAdapter[ChunkT] | Form | None = None,
    **options: Unpack[ActionOptions],
) -> _Definer[InputT, ChunkT]: ...
def define_stream_action(
    handler: Any = None, *, input: Any = None, output: Any = None, **options: Unpack[ActionOptions]
) -> Any:
    """Make a streaming action of a function; works as a call and as a decorator.

    Args:
        handler: a function or a generator, async or not, that takes, by name, any of ``input``,
            ``stream``, ``ctx``, ``event`` and ``response``. Each ``yield`` of a generator is a ``send``.
            One that is not async runs in a thread, and sends by ``stream.send_from_thread``.
        input: the type of the input: whatever pydantic's ``TypeAdapter`` takes. Without it the
            handler gets the JSON as it came.
        output: the type of a chunk; each one is validated and serialised by it.
        middleware: functions that run in order before the stream opens.
        metadata: a mapping for middleware to read.
        handle_server_error: turns an unexpected exception into an ``ActionError``, or a mapping or
            tuple of code, message and status code.
        name: the path below the prefix; by default the function's name with ``_`` as ``-``.
        method: the HTTP method; ``GET`` reads the input from the query string.
        on_disconnect: ``"cancel"`` stops the handler when its client leaves, ``"continue"`` lets it
            run to its end.
        dialect: ``"standard"``, ``"nuxt-actions"`` or an object; by default the app's.
        keep_alive_s: seconds without a frame before a keep-alive is sent; by default the app's.
        max_body_bytes: the largest request body in bytes; by default the app's.
        body_timeout_s: seconds within which a request body has to arrive; by default the app's.

    Raises:
        DefinitionError: the function or an option is wrong; the message says what to write.
    """
    for option in options:
        if option not in ActionOptions.__annotations__:
            known = ("input", "output", *ActionOptions.__annotations__)
            close = get_close_matches(option, known, n=1)
            advice = f"write {close[0]}=" if close else f"write any of {', '.join(known)}"
            raise DefinitionError(f"define_stream_action() has no option {option!r}: {advice}")

    def define(function: Any) -> StreamAction[Any, Any]:
        return StreamAction(function, input=input, output=output, **options)

    return define if handler is None else define(handler)
