"""The outermost app of a worker: it knows the worker's calls, and outlives them.

A server's lifespan reaches only the outermost app, and only where that app takes it; FastAPI passes it on
to nothing that is mounted. So the wait for calls is here, around whatever app there is. The app is told of
the shutdown when its calls are over, because until then they use what it has opened.
"""

import asyncio
import logging

from streamactions.app.asgi import ASGIApp, Message, Receive, Scope, Send
from streamactions.app.calls import CALLS_EXTENSION
from streamactions.serve.stop import Stop

__all__ = ["StoppableApp"]

logger = logging.getLogger("streamactions")


class StoppableApp:
    """An ASGI app whose calls a stop can find and wait for.

    Args:
        app: any ASGI app, with or without a lifespan.
        stop: the worker's.
    """

    def __init__(self, app: ASGIApp, stop: Stop) -> None:
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with the list of calls in its scope."""
        if scope["type"] == "lifespan":
            await _Life(self._stop, receive, send).live(self._app, scope)
            return
        scope["extensions"] = {**(scope.get("extensions") or {}), CALLS_EXTENSION: self._stop.calls}
        await self._app(scope, receive, send)


class _Life:
    """One lifespan: the server's outside, the app's within (ASGI specification, "Lifespan Protocol")."""

    def __init__(self, stop: Stop, receive: Receive, send: Send) -> None:
        self._stop = stop
        self._receive = receive
        self._send = send
        self._has_heard_startup = False
        self._has_started = False
        self._has_failed = False
        # What the server says last. The app may have been told before, and have answered.
        self._shutdown: asyncio.Task[Message] | None = None
        self._answer: Message = {"type": "lifespan.shutdown.complete"}

    async def live(self, app: ASGIApp, scope: Scope) -> None:
        """See the app through its life, and the server's calls to their end."""
        fault: Exception | None = None
        try:
            await app(scope, self._tell_app, self._hear_app)
        except (SystemExit, KeyboardInterrupt) as error:
            # It would end the event loop, in the midst of other streams if the app has started.
            fault = RuntimeError(f"the app raised {type(error).__name__} in its lifespan")
            fault.__cause__ = error
            if not self._has_started:
                await self._hear_app({"type": "lifespan.startup.failed", "message": str(fault)})
        except Exception as error:
            fault = error
        if self._has_failed:
            return
        if not self._has_started:
            # An app that raises, or returns, before it has answered takes no lifespan.
            logger.debug("the app takes no lifespan", exc_info=fault)
            fault = None
            if not self._has_heard_startup:
                await self._receive()
            await self._send({"type": "lifespan.startup.complete"})
        await self._wait_for_end()
        await self._wait_for_shutdown()
        if fault is not None:
            raise fault
        await self._send(self._answer)

    async def _tell_app(self) -> Message:
        if not self._has_heard_startup:
            self._has_heard_startup = True
            return await self._receive()
        await self._wait_for_end()
        return {"type": "lifespan.shutdown"}

    async def _hear_app(self, message: Message) -> None:
        if message["type"].startswith("lifespan.shutdown"):
            self._answer = message
            return
        self._has_started = message["type"] == "lifespan.startup.complete"
        self._has_failed = not self._has_started
        await self._send(message)

    async def _wait_for_shutdown(self) -> None:
        """Until the server says that its connections are over."""
        if self._shutdown is None:
            self._shutdown = asyncio.ensure_future(self._receive())
        await asyncio.wait((self._shutdown,))

    async def _wait_for_end(self) -> None:
        """Until the app has to end: its server's connections are over, and its calls, or the time is."""
        waits = [
            asyncio.ensure_future(wait) for wait in (self._wait_for_shutdown(), self._stop.is_overdue.wait())
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        await self._stop.wait_for_calls()
