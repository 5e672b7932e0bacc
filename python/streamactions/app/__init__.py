"""The ASGI application: the only room that knows ASGI."""

from streamactions.app.application import StreamActions

__all__ = ["StreamActions"]
