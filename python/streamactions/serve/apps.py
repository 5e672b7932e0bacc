"""What in a module is an ASGI app, and which apps it passes requests on to.

An app that mounts actions, or wraps them, may be what guards them: so it must be seen, under any name.
"""

import functools
import inspect
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

from starlette.applications import Starlette
from starlette.routing import Router
from starlette.staticfiles import StaticFiles

from streamactions.action import StreamAction
from streamactions.app import StreamActions

__all__ = [
    "MAX_APP_DEPTH",
    "explain_no_app",
    "find_apps",
    "find_makers",
    "holds",
    "is_bare",
    "is_framework_app",
    "walk_apps",
]

MAX_APP_DEPTH: Final = 8
"""How deep apps are looked for in apps: mounts and wrappers, one in another. It bounds a circle of them."""

_ASGI_NAMES: Final = ("scope", "receive", "send")


def find_apps(module: ModuleType) -> dict[str, Any]:
    """The ASGI apps that a module has, by the first name of each: made there, imported, or in its classes."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in _named_values(module):
        if _is_asgi_app(value):
            found.setdefault(id(value), (name, value))
    return dict(found.values())


def _named_values(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        yield name, value
        if inspect.isclass(value) and value.__module__ == module.__name__:
            # A method named like ASGI's own would be called with an object in front.
            held = [(key, item) for key, item in vars(value).items() if not isinstance(item, FunctionType)]
            yield from ((f"{name}.{key}", item) for key, item in held if not key.startswith("__"))


def find_makers(module: ModuleType) -> list[str]:
    """The functions of a module that make a ``StreamActions``: what calls them may have it guarded."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and not name.startswith("test")
        and _makes_app(value)
    ]


def _makes_app(function: FunctionType) -> bool:
    # Whether it is imported above the function or in it, and under which name.
    named = (function.__globals__.get(name) for name in function.__code__.co_names)
    return StreamActions.__name__ in function.__code__.co_names or any(
        value is StreamActions for value in named
    )


def is_framework_app(app: object) -> bool:
    """Whether it is surely meant to be served: a ``StreamActions``, or Starlette's or FastAPI's app."""
    return isinstance(app, StreamActions | Starlette)


def walk_apps(app: Any) -> Iterator[tuple[str, Any]]:
    """All apps that an app passes requests on to, directly or not, each with the path below which it does."""
    seen: set[tuple[int, str]] = set()
    level = [("", app)]
    for _ in range(MAX_APP_DEPTH):
        below = []
        for above, outer in level:
            for path, inner in _inner_apps(outer):
                if (id(inner), above + path) not in seen:
                    seen.add((id(inner), above + path))
                    below.append((above + path, inner))
        yield from below
        level = below


def holds(outer: Any, inner: object) -> bool:
    """Whether requests to one app may be passed on to the other."""
    return any(app is inner for _, app in walk_apps(outer))


def _inner_apps(app: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(app, StreamActions):
        return
    routes = getattr(app, "routes", None)
    for route in routes if isinstance(routes, list | tuple) else ():
        mounted, path = getattr(route, "app", None), getattr(route, "path", "")
        # What answers a plain route is a function; what it may call besides is its own affair.
        if mounted is not None and not isinstance(mounted, FunctionType) and isinstance(path, str):
            yield path, mounted
    for value in _wrapped_by(app):
        yield "", value


def is_bare(app: Any, inner: object, depth: int = MAX_APP_DEPTH) -> bool:
    """Whether an app is known to pass every request on to an app in it, without middleware or guards."""
    is_plain = type(app).__module__.partition(".")[0] in ("starlette", "fastapi")
    if not is_plain or not isinstance(app, Starlette) or app.user_middleware or not depth:
        return False
    if getattr(app.router, "dependencies", None):
        return False
    return any(mounted is inner or is_bare(mounted, inner, depth - 1) for _, mounted in _inner_apps(app))


def explain_no_app(value: object) -> str | None:
    """Why a value cannot be served, or ``None`` where it may be an ASGI app."""
    if value is None:
        return "there is none"
    if isinstance(value, StreamAction):
        return "it is an action"
    if not callable(value):
        return f"it is of type {type(value).__name__}"
    if inspect.isclass(value):
        return "it is a class"
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    if not signature.parameters:
        return "it is a function that takes nothing, such as one that makes an app"
    try:
        signature.bind(*_ASGI_NAMES)
    except TypeError:
        return f"it does not take (scope, receive, send) but {signature}"
    return None


def _is_asgi_app(value: object) -> bool:
    """Whether it is one of a framework, or is called with ``(scope, receive, send)``, by these names."""
    if is_framework_app(value):
        return True
    if inspect.isclass(value) or isinstance(value, StreamAction | StaticFiles) or not callable(value):
        return False
    try:
        names = [name.strip("_") for name in inspect.signature(value).parameters]
    except (TypeError, ValueError):
        return False
    return tuple(names[: len(_ASGI_NAMES)]) == _ASGI_NAMES


def _wrapped_by(app: Any) -> Iterator[Any]:
    """The apps that a wrapper calls: in its attributes, a partial's arguments, or a function's names."""
    if isinstance(app, functools.partial):
        held = [app.func, *app.args, *app.keywords.values()]
    elif isinstance(app, MethodType):
        held = [app.__self__]
    elif isinstance(app, FunctionType):
        held = list(inspect.getclosurevars(app).globals.values())
        held += inspect.getclosurevars(app).nonlocals.values()
    elif isinstance(app, Router | Starlette):
        # Their apps are in their routes.
        held = []
    else:
        held = list(getattr(app, "__dict__", {}).values())
        held += [getattr(app, name) for name in _slots_of(app) if hasattr(app, name)]
    for value in held:
        if _is_asgi_app(value):
            yield value


def _slots_of(app: object) -> Iterator[str]:
    for kind in type(app).__mro__:
        slots = getattr(kind, "__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots
