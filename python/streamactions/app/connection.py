"""The connection of one call: what the server offers for it, and the life of its response.

While a run sends into its stream, the connection sees through the writes that the server did not
take at once, and listens for the client's leaving. It knows nothing of the handler.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from streamactions.app.asgi import (
    EVENT_STREAM_HEADERS,
    Headers,
    Message,
    Receive,
    Send,
    body_message,
    start_message,
)
from streamactions.app.body import Body
from streamactions.app.pulse import Pulse
from streamactions.response_headers import ActionResponse, merge_headers
from streamactions.run import Run, server_stopping
from streamactions.stream import Stream

__all__ = ["Connection"]

CLIENT_CLOSED_REQUEST: Final = 499
"""nginx's status for a client that did not wait; only logs of the server can show it."""


class Connection:
    """One client, until it has its answer or has left.

    Args:
        receive: the server's, for this request.
        send: the server's, for this request.
        headers: what every answer on it carries.

    Attributes:
        is_gone: whether the client has left.
        is_stopped: whether the server stops, so that the call has to end.
        response: what middleware and handler set headers and cookies on, if one of them takes it.
    """

    __slots__ = (
        "_headers",
        "_is_head_due",
        "_on_gone",
        "_receive",
        "_run",
        "_send",
        "_setting_up",
        "_stream",
        "_watch",
        "is_gone",
        "is_stopped",
        "response",
    )

    def __init__(self, receive: Receive, send: Send, headers: Headers) -> None:
        self._receive = receive
        self._send = send
        self._headers = headers
        self._watch: asyncio.Future[Message] | None = None
        self._on_gone: Callable[[], None] | None = None
        self._stream: Stream | None = None
        self._run: Run | None = None
        self._setting_up: asyncio.Task[Any] | None = None
        self.is_gone = False
        self.is_stopped = False
        self.response: ActionResponse | None = None
        # Whether the head of the stream is still to be sent, with its first frame.
        self._is_head_due = False

    def take_response(self) -> ActionResponse:
        """The response of this call, made when the first who takes it asks for it."""
        if self.response is None:
            self.response = ActionResponse()
        return self.response

    def stop(self) -> None:
        """The server stops: end the call, wherever it is; see ``Calls``."""
        self.is_stopped = True
        if self._run is not None:
            self._run.stop()
        elif self._setting_up is not None:
            self._setting_up.cancel()

    def cut(self) -> None:
        """The time of a stop is over: end the stream, whatever its handler does."""
        if self._run is not None:
            self._run.cut()

    def begin_set_up(self) -> None:
        """From now on until `end_set_up` a stop cancels the task that runs.

        Raises:
            ActionError: the server has stopped (``SERVER_STOPPING``).
        """
        if self.is_stopped:
            raise server_stopping()
        self._setting_up = asyncio.current_task()

    def end_set_up(self) -> None:
        """What comes now is no more cancelled by a stop."""
        self._setting_up = None

    def take_back_cancellation(self) -> bool:
        """Whether this task was cancelled by `stop`, and by nobody else: then it is to go on."""
        task = asyncio.current_task()
        return self.is_stopped and task is not None and task.cancelling() > 0 and task.uncancel() == 0

    async def drain(self, body: Body) -> None:
        """Read what is left of a body that was refused, within its bounds, unless the server stops."""
        if self.is_stopped:
            return
        self.begin_set_up()
        try:
            self.is_gone = not await body.drain()
        except asyncio.CancelledError:
            if not self.take_back_cancellation():
                raise
        finally:
            self.end_set_up()

    def watch(self, on_gone: Callable[[], None], pulse: Pulse) -> None:
        """Call ``on_gone`` once the client has left; at once if that is known already.

        Call it only when the request's body was read: what still comes of it is dropped. Listening
        costs a server as much as a write or two, so it begins when the call has settled.
        """
        self._on_gone = on_gone
        if self.is_gone:
            on_gone()
        elif self._watch is None:
            pulse.call_when_settled(self.listen)

    def listen(self) -> None:
        """Listen for the client's leaving, as long as somebody wants to know."""
        if self._on_gone is not None and self._watch is None:
            self._listen()

    def _listen(self) -> None:
        # Granian's answer is a future already; a coroutine of another server becomes a task.
        self._watch = asyncio.ensure_future(self._receive())
        self._watch.add_done_callback(self._received)

    def _received(self, watch: "asyncio.Future[Message]") -> None:
        if watch.cancelled() or self._watch is None:
            return
        # A server that fails to tell has lost the client as well.
        if watch.exception() is None and watch.result()["type"] == "http.request":
            self._listen()
            return
        self.is_gone = True
        if self._on_gone is not None:
            self._on_gone()

    async def unwatch(self) -> None:
        """Stop listening."""
        watch, self._watch, self._on_gone = self._watch, None, None
        if watch is not None and not watch.done():
            watch.remove_done_callback(self._received)
            watch.cancel()
            if isinstance(watch, asyncio.Task):
                await asyncio.wait((watch,))

    async def respond(self, status: int, headers: Headers, body: bytes, over: Headers | None = None) -> None:
        """Send a whole response; headers in ``over`` take the place of others of their name."""
        headers = merge_headers(self._with_own(headers), over or [])
        await self._send(start_message(status, headers + self._headers))
        await self._send(body_message(body, False))

    def _with_own(self, headers: Headers) -> Headers:
        """The headers, and those that middleware and handler set; from now on they can set none."""
        return headers if self.response is None else merge_headers(headers, self.response.seal())

    async def respond_to_nobody(self) -> None:
        """Answer a client that has left: middleware around the app takes a missing answer for a fault."""
        with suppress(OSError):
            await self.respond(CLIENT_CLOSED_REQUEST, [], b"")

    def open_event_stream(self) -> Awaitable[None]:
        """Send the head of an event stream; what is returned has to be awaited."""
        headers = self._with_own(EVENT_STREAM_HEADERS)
        return self._send(start_message(200, headers + self._headers if self._headers else headers))

    def defer_head(self) -> Send:
        """A ``send`` of the stream's body that sends its head first, when the first frame is there."""
        self._is_head_due = True

        def send(message: Message) -> Awaitable[None]:
            if not self._is_head_due:
                return self._send(message)
            self._is_head_due = False
            # Opened at once, so that nothing is set between here and the first step of what is returned.
            return _in_order(self.open_event_stream(), partial(self._send, message))

        return send

    async def serve(self, stream: Stream, run: Run, pulse: Pulse) -> None:
        """See the stream through to its end, and the run to its own.

        Args:
            stream: an open stream that writes to this connection.
            run: what sends into it.
            pulse: the event loop's pulse.
        """
        self._stream, self._run = stream, run
        pulse.add(stream)
        self._on_gone = self._lose_reader
        if self.is_gone:
            self._lose_reader()
        if self.is_stopped:
            run.stop()
        try:
            while (write := await stream._next_write()) is not None:
                try:
                    await write
                except OSError:
                    self._lose_reader()
                else:
                    stream._written()
            if stream._is_abandoned:
                self._lose_reader()
            if not run.has_ended:
                await run.wait()
            if self._is_head_due:
                await self.respond_to_nobody()
        except BaseException:
            stream._abandon()
            await run.cancel()
            raise
        finally:
            pulse.discard(stream)
            self._stream = self._run = self._on_gone = None
            if self._watch is not None:
                await self.unwatch()

    def _lose_reader(self) -> None:
        if self._stream is None or self._run is None:
            return
        # After its end was said, a stream has no reader to lose: servers report the end of a
        # response in the same way as a client's leaving.
        self._stream._abandon()
        if not self._stream._has_ended:
            self._run.client_left()


async def _in_order(first: Awaitable[None], then: Callable[[], Awaitable[None]]) -> None:
    await first
    await then()
