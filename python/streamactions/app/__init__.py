"""The ASGI application: the only room that knows ASGI."""

from streamactions.app.application import StreamActions
from streamactions.app.cors import Cors

__all__ = ["Cors", "StreamActions"]
