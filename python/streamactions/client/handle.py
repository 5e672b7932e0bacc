"""The handle: the state of one stream at a time, its callbacks, and the two ways to read it.

Strategy: both ways drive the same generator in the caller's own task, so nothing runs behind the
caller's back. The newest call owns the state; a call that was aborted touches it no more.
"""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

from pydantic import TypeAdapter

from streamactions._core import due_turn
from streamactions.client.call import Call, CallAbortedError
from streamactions.client.chunks import ChunkReader
from streamactions.client.default import DefaultTransport, open_transport
from streamactions.client.exchange import exchange
from streamactions.client.request import Headers, encode_request, find_input_error, with_headers
from streamactions.client.target import Target
from streamactions.client.transport import Request, Transport
from streamactions.dialects import Dialect
from streamactions.errors import ActionError
from streamactions.types import StreamStatus

__all__ = ["HandleOptions", "StreamHandle"]

ChunkT = TypeVar("ChunkT")
ArgumentT = TypeVar("ArgumentT")

Callback: TypeAlias = Callable[[ArgumentT], Awaitable[object] | object]
"""A callback, sync or async; what it returns is ignored, and an async one is awaited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleOptions(Generic[ChunkT]):
    """The options of `use_stream_action`, resolved."""

    target: Target
    input_adapter: TypeAdapter[Any] | None
    output_adapter: TypeAdapter[ChunkT] | None
    dialect: Dialect | None
    headers: Headers | None
    timeout_s: float | None
    idle_timeout_s: float | None
    max_event_bytes: int
    keep_chunks: bool
    on_chunk: Callback[ChunkT] | None
    on_done: Callback[list[ChunkT]] | None
    on_error: Callback[ActionError] | None
    transport: Transport | None


class StreamHandle(Generic[ChunkT]):
    """A stream that can be started, watched, stopped and started again; made by `use_stream_action`.

    Without more, each call opens a connection of its own and closes it at its end. Within
    ``async with handle:`` the calls share a session, so that a connection can be used again.

    Attributes:
        chunks: every chunk of the latest call so far; a new call starts a new list. Stays empty
            with ``keep_chunks=False``.
        data: the latest chunk, or ``None``.
        status: ``"idle"``, ``"streaming"``, ``"done"`` or ``"error"``. ``"done"`` says that the
            call is over without a failure; see ``complete``.
        error: why the stream failed, exactly while ``status`` is ``"error"``; else ``None``.
        complete: the server said that the stream is complete. ``False`` after `stop`, and after a
            call that its own side ended in any other way.
    """

    def __init__(self, options: HandleOptions[ChunkT]) -> None:
        self._options = options
        # The newest call, which alone may touch the state below.
        self._call: Call | None = None
        # The session of `async with`, while inside it.
        self._kept_transport: DefaultTransport | None = None
        self.chunks: list[ChunkT] = []
        self.data: ChunkT | None = None
        self.status: StreamStatus = "idle"
        self.error: ActionError | None = None
        self.complete = False

    async def execute(self, input: object = None) -> None:
        """Run the action and return when its stream is over; how it ended is in the attributes.

        A call that is still running is aborted first: it returns quietly, and its callbacks are
        not called again.

        Args:
            input: what JSON can hold, pydantic models included; ``None`` sends ``{}``.

        Raises:
            TypeError: the input cannot be sent. Nothing has changed then.
            Exception: whatever a callback or a ``headers`` function raised; the request is
                aborted then. A stream that fails raises nothing.
        """
        request = encode_request(self._options.target, input)
        async with aclosing(self._run(self._start(), request)) as chunks:
            async for _ in chunks:
                pass

    async def stream(self, input: object = None) -> AsyncGenerator[ChunkT, None]:
        """Run the action and yield its chunks as they come; state and callbacks are as in `execute`.

        Leaving the loop early aborts the request, once the generator is closed: at once under
        ``contextlib.aclosing``, else when Python lets go of it. After `stop` it just ends.

        Raises:
            ActionError: the stream failed, or ended before the server said that it is complete.
            TypeError: the input cannot be sent. Nothing has changed then.
        """
        request = encode_request(self._options.target, input)
        call = self._start()
        async with aclosing(self._run(call, request)) as chunks:
            async for chunk in chunks:
                yield chunk
        if call.error is not None:
            raise call.error

    def stop(self) -> None:
        """Abort the call that is running, if any: no callback is called any more, and no error is set.

        The connection closes as soon as the call's task runs on; a consumer of `stream` that is
        busy with a chunk gets there when it asks for the next one. Call it from the loop's thread.
        """
        if self._call is not None:
            self._call.abort()
        if self.status == "streaming":
            self.status = "done"

    async def __aenter__(self) -> Self:
        """Keep one session for all calls until the block is left.

        Raises:
            RuntimeError: the handle is within such a block already.
        """
        if self._kept_transport is not None:
            raise RuntimeError("this handle is open already: make another with use_stream_action")
        self._kept_transport = DefaultTransport()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the call that is running, if any, and close the session."""
        self.stop()
        kept, self._kept_transport = self._kept_transport, None
        if kept is not None:
            await kept.aclose()

    def _start(self) -> Call:
        """Abort the call before, and hand the state to a new one."""
        if self._call is not None:
            self._call.abort()
        self._call = Call(self._options.timeout_s, self._options.idle_timeout_s)
        self.chunks = []
        self.data = None
        self.status = "streaming"
        self.error = None
        self.complete = False
        return self._call

    async def _run(self, call: Call, request: Request) -> AsyncGenerator[ChunkT, None]:
        """One call: yields each chunk after its callback; how it failed is in ``call.error``."""
        options = self._options
        try:
            call.error = find_input_error(request, options.input_adapter)
            if call.error is None:
                request = await with_headers(request, options.headers)
                async with aclosing(self._exchange(call, request)) as batches:
                    while call.error is None and (batch := await _next_batch(call, batches)) is not None:
                        for chunk in batch:
                            self.data = chunk
                            if options.keep_chunks:
                                self.chunks.append(chunk)
                            await _notify(options.on_chunk, chunk)
                            if call.aborted:
                                return
                            yield chunk
                            if (turn := due_turn()) is not None:
                                await turn
                                call.error = call.overdue()
                            if call.aborted:
                                return
                            if call.error is not None:
                                break
            if call.aborted:
                # The abort came first, so whatever failed meanwhile is of no interest.
                call.error = None
                return
            if call.error is not None:
                self.error = call.error
                self.status = "error"
                await _notify(options.on_error, call.error)
            else:
                self.complete = True
                self.status = "done"
                await _notify(options.on_done, self.chunks)
        finally:
            self._settle(call)

    def _settle(self, call: Call) -> None:
        """A call that its own side ended, by a cancellation or a callback that raised, is no failure."""
        if self._call is call and self.status == "streaming":
            self.status = "done"

    async def _exchange(self, call: Call, request: Request) -> AsyncGenerator[list[ChunkT], None]:
        """The batches of one exchange, and the transport that it needs."""
        options = self._options
        reader = ChunkReader(
            dialect=options.dialect, output=options.output_adapter, max_event_bytes=options.max_event_bytes
        )
        async with (
            open_transport(options.transport or self._kept_transport) as transport,
            aclosing(exchange(transport, request, call, reader)) as batches,
        ):
            async for batch in batches:
                yield batch


async def _next_batch(call: Call, batches: AsyncGenerator[list[ChunkT], None]) -> list[ChunkT] | None:
    """The next batch; ``None`` where the call is over, with ``call.error`` set where it failed.

    Only an ActionError from here is the stream's: one that a callback raises must pass.
    """
    try:
        return await anext(batches, None)
    except CallAbortedError:
        return None
    except ActionError as error:
        call.error = error
        return None


async def _notify(callback: Callback[ArgumentT] | None, argument: ArgumentT) -> None:
    if callback is None:
        return
    result = callback(argument)
    if inspect.isawaitable(result):
        await result
