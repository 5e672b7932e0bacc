"""Which of the offered values a user's function takes, found once, at definition.

Handlers and middleware name the values that they want as parameters, in any order. A function
that asks for something that does not exist is refused when it is defined, not when it is called.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from streamactions.errors import DefinitionError

__all__ = ["is_async_callable", "is_async_generator_callable", "is_generator_callable", "requested_names"]

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def requested_names(function: Callable[..., Any], offered: Sequence[str], *, what: str) -> tuple[str, ...]:
    """The names among ``offered`` that the function takes.

    Args:
        function: what the user wrote.
        offered: the names there are.
        what: how a message calls the function, such as ``"handler ai_chat()"``.

    Raises:
        DefinitionError: a parameter has another name and no default, or cannot be passed by name.
    """
    names = []
    choice = ", ".join(offered)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in offered and parameter.kind in _BY_NAME:
            names.append(parameter.name)
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise DefinitionError(
                f"{what} takes {parameter.name!r} by position only: remove the '/', "
                "parameters are passed by name"
            )
        elif parameter.kind in _BY_NAME and parameter.default is inspect.Parameter.empty:
            raise DefinitionError(
                f"{what} takes an unknown parameter {parameter.name!r}: take any of {choice}"
            )
        elif parameter.kind not in _BY_NAME:
            raise DefinitionError(f"{what} takes '{parameter}': name the parameters, any of {choice}")
    return tuple(names)


def _unwrap(function: Any) -> Callable[..., Any]:
    """What is called in the end: below partials, and below decorators that are plain functions.

    A decorator that names what it wraps (``functools.wraps``) gives back what that gives.
    """
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif not inspect.isfunction(function) and not inspect.ismethod(function):
            return type(function).__call__
        elif (
            inspect.iscoroutinefunction(function)
            or inspect.isasyncgenfunction(function)
            or inspect.isgeneratorfunction(function)
            or not hasattr(function, "__wrapped__")
        ):
            return function
        else:
            function = function.__wrapped__


def is_async_callable(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine: an ``async def``, a partial or an object with an async call."""
    return inspect.iscoroutinefunction(_unwrap(function))


def is_async_generator_callable(function: Callable[..., Any]) -> bool:
    """Whether calling it gives an async generator."""
    return inspect.isasyncgenfunction(_unwrap(function))


def is_generator_callable(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a generator that is not async."""
    return inspect.isgeneratorfunction(_unwrap(function))
