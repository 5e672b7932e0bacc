"""The types that several rooms share, and nothing that runs."""

from collections.abc import Awaitable, Callable
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from typing import _SpecialForm

    # With a default (PEP 696), so that ``Stream`` alone is ``Stream[Any]`` also where checks are strict.
    from typing_extensions import TypeVar

    InputT = TypeVar("InputT", default=Any)
    ChunkT = TypeVar("ChunkT", default=Any)

    Form: TypeAlias = UnionType | _SpecialForm | str
    """A type that is no class, such as ``int | None``: mypy cannot say what it is (PEP 747 is a draft)."""
else:
    from typing import TypeVar

    InputT = TypeVar("InputT")
    ChunkT = TypeVar("ChunkT")
    Form = UnionType | str

__all__ = [
    "ChunkT",
    "Context",
    "Form",
    "InputT",
    "Metadata",
    "Next",
    "OnDisconnect",
    "ServerErrorHandler",
    "StreamStatus",
]

Context: TypeAlias = dict[str, Any]
"""What middleware built for the handler: the ``ctx`` parameter."""

Metadata: TypeAlias = dict[str, Any]
"""What the action's author attached to it with ``metadata=``."""

OnDisconnect: TypeAlias = Literal["cancel", "continue"]
"""What a client's leaving does to the handler's task."""

StreamStatus: TypeAlias = Literal["idle", "streaming", "done", "error"]
"""Where a client's stream is."""

ServerErrorHandler: TypeAlias = Callable[[Exception], Any]
"""Turns an unexpected exception into an ``ActionError``, or a mapping or a tuple of its three parts."""


class Next(Protocol):
    """The ``next`` of a middleware: merges ``ctx`` into the context and returns the whole of it."""

    def __call__(self, *, ctx: Context | None = None) -> Awaitable[Context]:
        """Merge ``ctx`` into the context; later names win."""
