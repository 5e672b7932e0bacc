"""Streaming server actions: an async function becomes a typed, validated, provably complete event stream.

See ``define_stream_action`` and ``StreamActions`` for servers, ``use_stream_action`` for clients,
``SSEDecoder`` for event streams alone.
"""

from streamactions._core import Event, SSEDecoder, build_info, encode_event
from streamactions.action import StreamAction, define_stream_action
from streamactions.app import Cors, StreamActions
from streamactions.client import StreamHandle, use_stream_action
from streamactions.dialects import Dialect
from streamactions.errors import (
    ActionError,
    ClientDisconnectedError,
    DefinitionError,
    EventTooLargeError,
    InvalidChunkError,
    MiddlewareError,
    SendNotAwaitedError,
    StreamActionsError,
    StreamClosedError,
    StreamCutError,
    WrongThreadError,
    create_action_error,
)
from streamactions.middleware import (
    Middleware,
    auth_middleware,
    client_ip,
    create_middleware,
    csrf_middleware,
    define_middleware,
    rate_limit_middleware,
)
from streamactions.stream import Stream

__version__: str = build_info()["version"]

__all__ = [
    "ActionError",
    "ClientDisconnectedError",
    "Cors",
    "DefinitionError",
    "Dialect",
    "Event",
    "EventTooLargeError",
    "InvalidChunkError",
    "Middleware",
    "MiddlewareError",
    "SSEDecoder",
    "SendNotAwaitedError",
    "Stream",
    "StreamAction",
    "StreamActions",
    "StreamActionsError",
    "StreamClosedError",
    "StreamCutError",
    "StreamHandle",
    "WrongThreadError",
    "__version__",
    "auth_middleware",
    "build_info",
    "client_ip",
    "create_action_error",
    "create_middleware",
    "csrf_middleware",
    "define_middleware",
    "define_stream_action",
    "encode_event",
    "rate_limit_middleware",
    "use_stream_action",
]
