"""The chain: middleware run in order, each adds to the context, and each must let the call pass.

A middleware passes the call on by awaiting ``next``, which merges and returns the context; the
handler runs after the last one has returned. The chain fails closed: one that raises, or that
returns without having called ``next``, ends the call.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, overload

from streamactions.errors import ActionError, DefinitionError, MiddlewareError
from streamactions.parameters import is_async_callable, requested_names
from streamactions.types import Context, Metadata

__all__ = ["Middleware", "create_middleware", "define_middleware", "run_chain"]

logger = logging.getLogger("streamactions")

_OFFERED: Final = ("event", "response", "ctx", "metadata", "next")


class Middleware:
    """One async function that guards a call or adds to its context.

    Attributes:
        name: the function's.
        before_input: whether it runs before the request's body is read and the input validated.
        needs_response: whether it takes ``response``.
    """

    def __init__(self, function: Callable[..., Awaitable[Any]], *, before_input: bool = False) -> None:
        self.name: str = getattr(function, "__name__", type(function).__name__)
        what = f"middleware {self.name}()"
        if not callable(function) or not is_async_callable(function):
            raise DefinitionError(
                f"{what} must be an async function: write 'async def {self.name}(event, next)'"
            )
        self.before_input: bool = before_input
        self._function = function
        self._names = requested_names(function, _OFFERED, what=what)
        self.needs_response: bool = "response" in self._names

    def __repr__(self) -> str:
        return f"Middleware({self.name})"

    def moved(self, *, before_input: bool) -> "Middleware":
        """The same function, run before the input is read or after it."""
        return Middleware(self._function, before_input=before_input)

    async def __call__(self, **offered: Any) -> Any:
        """Call the function with those of the offered values that it takes, by name."""
        return await self._function(**{name: offered[name] for name in self._names})


@overload
def define_middleware(
    function: Callable[..., Awaitable[Any]], *, before_input: bool | None = ...
) -> Middleware: ...
@overload
def define_middleware(
    function: None = None, *, before_input: bool | None = ...
) -> Callable[[Callable[..., Awaitable[Any]]], Middleware]: ...
def define_middleware(
    function: Callable[..., Awaitable[Any]] | None = None, *, before_input: bool | None = None
) -> Middleware | Callable[[Callable[..., Awaitable[Any]]], Middleware]:
    """Make a middleware of an async function that takes any of ``event``, ``response``, ``ctx``,
    ``metadata`` and ``next``.

    Works as a call and as a decorator.

    Args:
        function: ``event`` is the Starlette ``Request``, ``response`` a Starlette ``Response`` whose headers
            and cookies go with the answer, ``ctx`` a copy of the context so far, ``metadata`` the action's
            own; ``await next(ctx={...})`` passes the call on. A middleware is given back, or another that
            differs in ``before_input``.
        before_input: whether it runs before the request's body is read and the input validated, so that
            who may not call learns that and nothing else. Such middleware runs in its order, before all
            that is not so. ``await event.json()`` in it reads the body there and then, within the action's
            bounds. By default that of a middleware that is passed, or ``False``.

    Raises:
        DefinitionError: it is not async, or takes a parameter that there is not.
    """

    def define(function: Callable[..., Awaitable[Any]]) -> Middleware:
        if not isinstance(function, Middleware):
            return Middleware(function, before_input=bool(before_input))
        if before_input is None or before_input == function.before_input:
            return function
        return function.moved(before_input=before_input)

    return define if function is None else define(function)


create_middleware = define_middleware
"""The same as ``define_middleware``; the name for middleware that a package publishes."""


class _Link:
    """The ``next`` of one middleware in one call."""

    def __init__(self, middleware: Middleware, context: Context) -> None:
        self._middleware = middleware
        self._context = context
        self._has_returned = False
        self.merged: Context | None = None

    async def __call__(self, *, ctx: Context | None = None) -> Context:
        if self.merged is not None:
            raise MiddlewareError(f"middleware {self._middleware.name}() called next() twice: call it once")
        if self._has_returned:
            raise MiddlewareError(
                f"middleware {self._middleware.name}() called next() after it had returned: await it inside"
            )
        if ctx is not None and not isinstance(ctx, dict):
            raise MiddlewareError(
                f"middleware {self._middleware.name}() called next(ctx=...) with a {type(ctx).__name__}: "
                "pass a dict"
            )
        self.merged = {**self._context, **(ctx or {})}
        return dict(self.merged)

    def returned(self) -> Context | None:
        self._has_returned = True
        return self.merged


async def run_chain(
    chain: Sequence[Middleware],
    *,
    action: str,
    event: Callable[[], Any],
    response: Callable[[], Any],
    metadata: Metadata,
    context: Context,
) -> Context:
    """Run the middleware in order and return the context that they built.

    Args:
        chain: the middleware.
        action: the action's name, for the log.
        event: gives the request; called only where there is middleware.
        response: gives the response; called only for middleware that takes it.
        metadata: the action's metadata.
        context: what earlier middleware built.

    Raises:
        ActionError: a middleware refused the call, or returned without calling ``next``.
        Exception: whatever a middleware raises.
    """
    for middleware in chain:
        link = _Link(middleware, context)
        offered = {"event": event(), "ctx": dict(context), "metadata": metadata, "next": link}
        if middleware.needs_response:
            offered["response"] = response()
        await middleware(**offered)
        merged = link.returned()
        if merged is None:
            logger.error(
                "action %s: middleware %s() returned without calling next(), so the call was refused: "
                "write 'return await next()' where it shall pass, and raise where it shall not",
                action,
                middleware.name,
            )
            raise ActionError("INTERNAL_ERROR", "An unexpected error occurred", 500)
        context = merged
    return context
