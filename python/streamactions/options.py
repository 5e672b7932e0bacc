"""Options as a user writes them: each is checked where it is given, and the error says what to write.

A wrong option that is found later is found in a call: as a ``TypeError`` in a log, or not at all.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from pydantic import BaseModel, TypeAdapter

from streamactions.errors import DefinitionError

__all__ = ["OptionChecks", "make_adapter"]

MAX_SHOWN_LETTERS: Final = 80
"""How much of a wrong value an error shows: it is one line, and a value may be a whole data set."""

MAX_NUMBER: Final = 1e9
"""The largest number of seconds, 31 years: clocks and timers cannot count without an end."""

_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?")
"""An absolute path without escapes (RFC 3986, 3.3)."""

_METHOD: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, 5.6.2)."""


class OptionChecks:
    """Checks the options of one definition.

    Args:
        what: how an error calls it, such as ``"handler ai_chat()"``.

    Raises (each check):
        DefinitionError: the value is none that the option takes.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def refuse(self, option: str, value: object, write: str) -> NoReturn:
        """Say that a value is wrong, and what to write."""
        raise DefinitionError(f"{self._what} has {option}={_shown(value)}: write {write}")

    def positive(self, option: str, value: object) -> None:
        """A number above 0, and one that clocks can count."""
        # Not a number (NaN) compares as neither.
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_NUMBER:
            self.refuse(option, value, f"a number above 0, and not above {MAX_NUMBER:,.0f}")

    def whole_positive(self, option: str, value: object) -> None:
        """An integer above 0."""
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            self.refuse(option, value, "a number above 0 without a fraction")

    def flag(self, option: str, value: object) -> None:
        """``True`` or ``False``: whatever else is true to Python, ``"no"`` too, may mean the opposite."""
        if not isinstance(value, bool):
            self.refuse(option, value, f"{option}=True or {option}=False")

    def text(self, option: str, value: object, example: str) -> None:
        """A string that is not empty."""
        if not isinstance(value, str) or not value:
            self.refuse(option, value, f'{option}="{example}"')

    def function(self, option: str, value: object, example: str) -> None:
        """What can be called."""
        if not callable(value):
            self.refuse(option, value, f"{option}={example}, a function and not what it returns")

    def mapping(self, option: str, value: object, example: str) -> None:
        """A mapping whose keys are strings."""
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            self.refuse(option, value, f"{option}={example}")

    def listed(self, option: str, value: Any, example: str) -> list[Any]:
        """The items of an iterable; a string, a mapping and a single item are none."""
        is_one = isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)
        if is_one:
            self.refuse(option, value, f"{option}=[{example}]")
        return list(value)

    def texts(self, option: str, value: Any, example: str) -> list[str]:
        """The items of an iterable of strings."""
        items = self.listed(option, value, f'"{example}"')
        for item in items:
            if not isinstance(item, str):
                self.refuse(option, value, f'{option}=["{example}"]')
        return items

    def choice(self, option: str, value: object, choice: Iterable[str]) -> None:
        """One of some strings."""
        known = list(choice)
        if not isinstance(value, str) or value not in known:
            self.refuse(option, value, f"one of {', '.join(repr(word) for word in known)}")

    def method(self, option: str, value: object) -> None:
        """A method of HTTP."""
        if not isinstance(value, str) or not _METHOD.fullmatch(value):
            self.refuse(option, value, f'{option}="POST" or another method of HTTP')

    def prefix(self, option: str, value: object) -> None:
        """A path that clients send as it stands: absolute, without a query, escapes and dots for folders."""
        if isinstance(value, str) and _PREFIX.fullmatch(value):
            if not {".", ".."} & set(value.split("/")):
                return
            self.refuse(option, value, f'{option}="/api", because clients leave out "." and ".." in a path')
        words = re.findall(r"[A-Za-z0-9._~-]+", value.partition("?")[0]) if isinstance(value, str) else []
        self.refuse(option, value, f'{option}="/{"/".join(words) or "api"}", a path and nothing else')


def make_adapter(option: str, annotation: Any, what: str) -> TypeAdapter[Any] | None:
    """What validates and serialises a type; ``None`` for ``None``.

    Args:
        option: its name.
        annotation: a type, or an adapter, which is taken as it is.
        what: how an error calls the definition.

    Raises:
        DefinitionError: pydantic cannot make one.
    """
    if annotation is None or isinstance(annotation, TypeAdapter):
        return annotation
    if isinstance(annotation, BaseModel) or inspect.isroutine(annotation):
        # pydantic would take a function, and call it with what comes.
        raise _no_type(option, annotation, what, "it is no type")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        # A type that names one not defined yet makes an adapter that would fail at its first use.
        adapter.rebuild(raise_errors=True)
    except Exception as error:
        lines = str(error).splitlines() or [""]
        raise _no_type(option, annotation, what, f"{type(error).__name__}: {lines[0]}") from error
    return adapter


def _no_type(option: str, annotation: Any, what: str, reason: str) -> DefinitionError:
    if isinstance(annotation, BaseModel):
        advice = f"write {option}={type(annotation).__name__}, the model and not an object of it"
    else:
        advice = "pass a pydantic model, a dataclass, a TypedDict or another type that TypeAdapter takes"
    return DefinitionError(f"{what} has an {option}= that pydantic cannot validate ({reason}): {advice}")


def _shown(value: object) -> str:
    shown = " ".join(repr(value).split())
    return shown if len(shown) <= MAX_SHOWN_LETTERS else f"{shown[:MAX_SHOWN_LETTERS]}…"
