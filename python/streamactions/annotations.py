"""What a handler's annotations say, held against ``input=`` and ``output=`` when it is defined.

Types are compared as a type checker would, as far as that is certain: what cannot be known (a name that is
not there at run time, a protocol, a type of pydantic's own making) is taken for right.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

from streamactions.errors import DefinitionError
from streamactions.stream import Stream

__all__ = ["check_annotations"]

_TOWER: Final = {float: (int,), complex: (float, int)}
"""What counts as another type without being a subclass (PEP 484, "The numeric tower")."""

_UNIONS: Final = (typing.Union, types.UnionType)


def check_annotations(handler: Callable[..., Any], *, input: Any, output: Any, what: str) -> None:
    """Refuse a handler whose annotations contradict the types that its action is defined with.

    Args:
        handler: the function; only what it says of ``input`` and ``stream`` counts.
        input: the type of the input; ``None`` where there is none.
        output: the type of a chunk, likewise.
        what: how an error calls the handler.

    Raises:
        DefinitionError: the handler takes an input, or sends chunks, of another type; or it takes a
            pydantic model that nothing validates.
    """
    function = _annotated(handler)
    hints = _resolve(getattr(function, "__annotations__", {}), function)
    taken = hints.get("input", Any)
    if input is None:
        if isinstance(taken, type) and issubclass(taken, BaseModel):
            raise DefinitionError(
                f"{what} takes input: {taken.__name__}, but nothing validates it: "
                f"write define_stream_action(input={taken.__name__})"
            )
    elif not _accepts(taken, _bare(input, function)):
        raise DefinitionError(
            f"{what} takes input: {_name(taken)}, but gets a {_name(input)}, by input={_name(input)}: "
            "write the same type twice"
        )
    (sent,) = get_args(hints.get("stream")) or (Any,) if get_origin(hints.get("stream")) is Stream else (Any,)
    if output is not None and not _accepts(_bare(output, function), sent):
        raise DefinitionError(
            f"{what} takes stream: Stream[{_name(sent)}], but output={_name(output)}: "
            f"write Stream[{_name(output)}]"
        )


def _annotated(handler: Any) -> Any:
    """The function that has the annotations: below partials, or an object's ``__call__``."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    return handler if inspect.isroutine(handler) else type(handler).__call__


def _resolve(annotations: Mapping[str, Any], function: Any) -> dict[str, Any]:
    """Those of the annotations that can be resolved at run time, without ``Annotated``."""
    names = getattr(inspect.unwrap(function), "__globals__", {})
    resolved = {}
    for name in ("input", "stream"):
        if name not in annotations:
            continue
        holder = types.SimpleNamespace(__annotations__={name: annotations[name]})
        try:
            resolved[name] = typing.get_type_hints(holder, globalns=names, localns={})[name]
        except Exception:
            # Such as a name that is imported for type checkers alone: then nothing is known.
            continue
    return resolved


def _bare(form: Any, function: Any) -> Any:
    """A type that was given to an option, resolved in the same way; ``Any`` where that cannot be."""
    if isinstance(form, TypeAdapter):
        return Any
    return _resolve({"input": form}, function).get("input", Any)


def _accepts(wanted: Any, given: Any) -> bool:
    """Whether every value of the type ``given`` is one of ``wanted``, or that is not known."""
    wanted, given = _plain(wanted), _plain(given)
    if wanted == given or wanted in (Any, object) or given is Any:
        return True
    if get_origin(given) in _UNIONS:
        return all(_accepts(wanted, member) for member in get_args(given))
    if get_origin(wanted) in _UNIONS:
        return any(_accepts(member, given) for member in get_args(wanted))
    if get_origin(given) is typing.Literal:
        return all(_accepts(wanted, type(value)) for value in get_args(given))
    return _accepts_class(wanted, given)


def _accepts_class(wanted: Any, given: Any) -> bool:
    wanted_class, given_class = get_origin(wanted) or wanted, get_origin(given) or given
    if not _is_known(wanted_class) or not _is_known(given_class):
        return True
    if typing.is_typeddict(given_class):
        given_class = dict
    try:
        is_subclass = issubclass(given_class, wanted_class) or given_class in _TOWER.get(wanted_class, ())
    except TypeError:
        return True
    wanted_args, given_args = get_args(wanted), get_args(given)
    if not is_subclass or len(wanted_args) != len(given_args) or Ellipsis in (*wanted_args, *given_args):
        return is_subclass
    return all(_accepts(one, other) for one, other in zip(wanted_args, given_args, strict=True))


def _is_known(form: Any) -> bool:
    """Whether it is a class whose values are its instances, as far as can be told."""
    if not isinstance(form, type) or getattr(form, "_is_protocol", False):
        return False
    # Pydantic's own types, EmailStr say, may make values of another class.
    is_special = hasattr(form, "__get_pydantic_core_schema__") and not issubclass(form, BaseModel)
    return not is_special


def _plain(form: Any) -> Any:
    """What a name for a type stands for: an alias (PEP 695), a ``NewType``, ``None``."""
    while True:
        if form is None:
            return type(None)
        if hasattr(form, "__value__"):
            form = form.__value__
        elif isinstance(form, typing.NewType):
            form = form.__supertype__
        elif isinstance(form, typing.TypeVar):
            return Any
        else:
            return form


def _name(form: Any) -> str:
    return form.__name__ if isinstance(form, type) and not get_args(form) else repr(form)
