"""Why a server cannot start."""

from streamactions.errors import StreamActionsError

__all__ = ["ServeError", "TargetError"]


class ServeError(StreamActionsError):
    """The server cannot start; the message says in one line what to do."""


class TargetError(ServeError):
    """What shall be served is no app, or cannot be imported."""
