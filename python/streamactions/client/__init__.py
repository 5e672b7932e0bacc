"""The client: reads a streaming action to its proven end.

The face of the package is `use_stream_action` and the handle that it returns, and
`open_event_stream` for the event stream of any other API; the rest is the
seam (`Transport`) for those who bring an HTTP library of their own.
"""

from streamactions.client.aiohttp_transport import AiohttpTransport
from streamactions.client.default import DefaultTransport
from streamactions.client.event_stream import EventStream, open_event_stream
from streamactions.client.handle import StreamHandle
from streamactions.client.http_failure import HTTPStatusError
from streamactions.client.httpx_transport import HttpxTransport
from streamactions.client.hyper_transport import HyperTransport
from streamactions.client.target import ActionTarget
from streamactions.client.transport import (
    BodyBrokenError,
    ConnectFailedError,
    Request,
    Response,
    Transport,
    TransportError,
)
from streamactions.client.use import use_stream_action

__all__ = [
    "ActionTarget",
    "AiohttpTransport",
    "BodyBrokenError",
    "ConnectFailedError",
    "DefaultTransport",
    "EventStream",
    "HTTPStatusError",
    "HttpxTransport",
    "HyperTransport",
    "Request",
    "Response",
    "StreamHandle",
    "Transport",
    "TransportError",
    "open_event_stream",
    "use_stream_action",
]
