"""Tests without a server: an app called in the same process, chunk by chunk, by the real client.

The transport plays the server: it speaks ASGI to the app, hands each piece of the body over as it
is sent, makes the app wait for a slow reader, and reports the reader's leaving.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers

from streamactions.action import StreamAction
from streamactions.app import StreamActions
from streamactions.app.asgi import Message, Scope
from streamactions.client import BodyBrokenError, ConnectFailedError, Request, Response, use_stream_action

__all__ = ["InProcessTransport", "collect"]

ChunkT = TypeVar("ChunkT")

BASE_URL: Final = "http://testserver"

MAX_QUEUED_PIECES: Final = 4
"""Pieces of a body that the app may be ahead of its reader; Granian allows as many."""


MAX_LEAVE_S: Final = 10.0
"""How long an app may go on once its client has left, before the test fails instead of hanging."""


class InProcessTransport:
    """A transport that calls an ASGI app in this process: pass it as ``client=``.

    Args:
        app: the app, or any ASGI app that it is mounted in.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    @asynccontextmanager
    async def open_response(self, request: Request) -> AsyncIterator[Response]:
        """Call the app; leaving is the client's leaving, and waits until the app has noticed."""
        exchange = _Exchange(request)
        task = asyncio.get_running_loop().create_task(exchange.run(self._app))
        try:
            yield await exchange.opened()
        finally:
            exchange.leave()
            _, unfinished = await asyncio.wait((task,), timeout=MAX_LEAVE_S)
            if unfinished:
                task.cancel()
                await asyncio.wait((task,))
                raise TimeoutError(
                    f"the app was still at work {MAX_LEAVE_S:.0f} s after its client had left: "
                    "let the handler end, or be cancelled"
                )
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


class _Exchange:
    """One request and its response, as the server sees them; ``Response`` to the reader."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._has_sent_body = False
        self._left = asyncio.Event()
        self._head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # `None` is the end of a complete body.
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUED_PIECES)
        self._is_complete = False
        self._is_over = asyncio.Event()
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def run(self, app: Any) -> None:
        try:
            await app(self._scope(), self._receive, self._send)
        finally:
            self._is_over.set()
            if not self._head.done():
                self._head.set_exception(ConnectFailedError("the app ended without a response"))
                # The reader may have left before it could look.
                self._head.exception()

    async def opened(self) -> Response:
        await self._head
        return self

    def leave(self) -> None:
        self._left.set()

    async def read(self) -> bytes:
        while True:
            if self._is_complete:
                return b""
            piece = await self._next_piece()
            if piece is None:
                self._is_complete = True
            elif piece:
                return piece

    async def _next_piece(self) -> bytes | None:
        if self._pieces.empty() and self._is_over.is_set():
            raise BodyBrokenError("the app ended in the middle of its response")
        get = asyncio.ensure_future(self._pieces.get())
        over = asyncio.ensure_future(self._is_over.wait())
        try:
            await asyncio.wait((get, over), return_when=asyncio.FIRST_COMPLETED)
            if not get.done() and self._pieces.empty():
                raise BodyBrokenError("the app ended in the middle of its response")
            return await get
        finally:
            for task in (get, over):
                task.cancel()
            await asyncio.wait((get, over))

    def _scope(self) -> Scope:
        parts = urlsplit(self._request.url)
        headers = [(b"host", parts.netloc.encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in self._request.headers.items()]
        if self._request.body is not None:
            headers.append((b"content-length", str(len(self._request.body)).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": parts.scheme,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 0),
            "server": (parts.hostname, parts.port or 80),
        }

    async def _receive(self) -> Message:
        if not self._has_sent_body:
            self._has_sent_body = True
            return {"type": "http.request", "body": self._request.body or b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._left.is_set():
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = Headers(raw=message["headers"])
            if not self._head.done():
                self._head.set_result(None)
            return
        await self._put(message.get("body", b""))
        if not message.get("more_body", False):
            await self._put(None)

    async def _put(self, piece: bytes | None) -> None:
        put = asyncio.ensure_future(self._pieces.put(piece))
        left = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait((put, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (put, left):
                task.cancel()
            await asyncio.wait((put, left))


async def collect(
    action: StreamAction[Any, ChunkT], input: Any = None, *, headers: Mapping[str, str] | None = None
) -> list[ChunkT]:
    """Call one action as a client would, middleware and validation included, and return its chunks.

    Args:
        action: the action; it is served by an app of its own.
        input: what the client sends.
        headers: further request headers.

    Raises:
        ActionError: the call was refused, or the stream failed.
    """
    transport = InProcessTransport(StreamActions([action]))
    handle = use_stream_action(action, base_url=BASE_URL, headers=headers, client=transport)
    return [chunk async for chunk in handle.stream(input)]
