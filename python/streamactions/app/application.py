"""The app: from a request to the action that answers it.

A call is set up (path, method, body, input, middleware) before anything is sent, so that what
goes wrong can still be told with a real status. Then the stream opens and a run fills it.
"""

import asyncio
import contextvars
import os
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from os import PathLike
from types import ModuleType
from typing import Any, Final

import orjson

from streamactions.action import StreamAction
from streamactions.app.asgi import EVENT_STREAM_HEADERS, Headers, Receive, Scope, Send
from streamactions.app.body import Body, ClientLeftError
from streamactions.app.calls import DEFAULT_STOP_TIMEOUT_S, calls_of, end_calls
from streamactions.app.connection import Connection
from streamactions.app.cors import Cors, is_preflight, resolve_cors
from streamactions.app.hosts import resolve_hosts
from streamactions.app.pages import make_pages
from streamactions.app.pulse import Pulse, Pulses
from streamactions.app.request import LazyRequest, accepts_event_stream
from streamactions.app.served import ServedAction
from streamactions.dialects import Dialect, resolve_dialect
from streamactions.discovery import collect_actions
from streamactions.errors import ActionError
from streamactions.middleware import Middleware, run_chain
from streamactions.options import OptionChecks
from streamactions.response_headers import raw_headers
from streamactions.run import Run, contain_exit, log_failure, server_stopping, to_action_error
from streamactions.types import Context

__all__ = [
    "CONSOLE_VARIABLE",
    "DEFAULT_BODY_TIMEOUT_S",
    "DEFAULT_KEEP_ALIVE_S",
    "DEFAULT_MAX_BODY_BYTES",
    "StreamActions",
]

DEFAULT_MAX_BODY_BYTES: Final = 1024 * 1024
"""The largest request body."""

DEFAULT_BODY_TIMEOUT_S: Final = 30.0
"""How long a request body may take to arrive: a client that never ends one holds a connection and a task."""

DEFAULT_KEEP_ALIVE_S: Final = 15.0
"""Silence before a keep-alive: well under the 60 s after which nginx gives up."""

CONSOLE_VARIABLE: Final = "STREAMACTIONS_CONSOLE"
"""The environment variable that switches the console on, where it is ``1``, for apps that do not say."""

_SETUP_FAILURE: Final = ActionError("INTERNAL_ERROR", "An unexpected error occurred", 500)


class StreamActions:
    """An ASGI app that serves streaming actions; run it, or mount it in Starlette or FastAPI.

    Args:
        actions: actions, modules and paths of ``.py`` files or folders that define some.
        prefix: the path below which the actions are.
        dialect: how streams are spelled, for actions that do not say.
        max_body_bytes: the largest request body, in bytes, for actions that do not say.
        body_timeout_s: seconds within which a request body has to arrive, for actions that do not say.
        keep_alive_s: seconds without a frame before a keep-alive, for actions that do not say.
        stop_timeout_s: seconds that calls have to end when the server's life ends; counts under another
            server than ``streamactions serve``, which has its own ``--stop-timeout``.
        strict_content_type: whether a request body has to say that it is JSON. Without, one that names no
            media type is read as JSON, and pages of other sites can make a browser send such a one.
        cors: the origins whose pages may call the actions from a browser, or a ``Cors``; by default
            none but the app's own.
        console: whether ``{prefix}/`` is a page that calls the actions and shows their schemas to
            whoever can reach it; by default only under ``streamactions serve --reload``.
        console_hosts: the names, beside ``localhost`` and IP addresses, under which the console may be
            opened, such as ``["dev.example"]``. Any other name could be that of a stranger's page which
            has the browser call this machine (DNS rebinding).

    Attributes:
        actions: the actions by name.
        prefix: the path below which they are, without a slash at the end.
        console: whether the console is on.

    Raises:
        DefinitionError: an option is wrong, two actions share a name, or there is none to find.
    """

    def __init__(
        self,
        actions: Iterable[StreamAction | ModuleType | str | PathLike[str]],
        *,
        prefix: str = "/api/_actions",
        dialect: str | Dialect = "standard",
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        body_timeout_s: float = DEFAULT_BODY_TIMEOUT_S,
        keep_alive_s: float = DEFAULT_KEEP_ALIVE_S,
        stop_timeout_s: float = DEFAULT_STOP_TIMEOUT_S,
        strict_content_type: bool = True,
        cors: Cors | Collection[str] | None = None,
        console: bool | None = None,
        console_hosts: Collection[str] = (),
    ) -> None:
        checks = OptionChecks("StreamActions")
        checks.prefix("prefix", prefix)
        checks.whole_positive("max_body_bytes", max_body_bytes)
        checks.positive("body_timeout_s", body_timeout_s)
        checks.positive("keep_alive_s", keep_alive_s)
        checks.positive("stop_timeout_s", stop_timeout_s)
        checks.flag("strict_content_type", strict_content_type)
        if console is not None:
            checks.flag("console", console)
        self.prefix = prefix.rstrip("/")
        self.actions: dict[str, StreamAction] = collect_actions(actions)
        self.console = os.environ.get(CONSOLE_VARIABLE) == "1" if console is None else console
        self._dialect = resolve_dialect(dialect)
        self._stop_timeout_s = stop_timeout_s
        self._paths = {
            f"{self.prefix}/{name}": ServedAction(
                action,
                dialect=self._dialect,
                keep_alive_s=keep_alive_s,
                max_body_bytes=max_body_bytes,
                body_timeout_s=body_timeout_s,
                strict_content_type=strict_content_type,
            )
            for name, action in self.actions.items()
        }
        self._names_by_likeness = {_likeness(name): name for name in self.actions}
        self._pages = make_pages(
            self.prefix, self.actions, console=self.console, hosts=resolve_hosts(console_hosts)
        )
        self._cors = resolve_cors(cors)
        self._pulses = Pulses(min(served.keep_alive_s for served in self._paths.values()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, by the ASGI specification."""
        if scope["type"] == "http":
            pulse = self._pulses.of(asyncio.get_running_loop())
            calls = calls_of(scope)
            if calls is None:
                calls = pulse.calls
            connection = Connection(receive, send, [] if self._cors is None else self._cors.headers(scope))
            calls.add(connection)
            try:
                await self._answer(scope, receive, send, connection, pulse)
            finally:
                calls.discard(connection)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise RuntimeError(f"streamactions does not speak the ASGI scope {scope['type']!r}")

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, connection: Connection, pulse: Pulse
    ) -> None:
        call = await self._set_up(scope, receive, connection, pulse)
        if call is not None:
            served, offered, context = call
            if served.action.needs_response:
                offered["response"] = connection.take_response()
                send = connection.defer_head()
            else:
                await connection.open_event_stream()
            stream = offered["stream"] = served.make_stream(send, pulse)
            # The handler's own time counts, not how long it waits for its turn in a busy loop.
            started = partial(pulse.call_when_settled, connection.listen)
            run = Run(served.action, served.dialect, stream, offered, started, context)
            # Nothing of the call need live as long as its stream.
            del call, offered, started, context
            await connection.serve(stream, run, pulse)

    async def _live(self, receive: Receive, send: Send) -> None:
        """The server's life: at its end the calls that are under way have their time to end as well."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def stop(self) -> None:
        """Let the calls of this event loop end, and end those that do not, within ``stop_timeout_s``.

        A server that passes the lifespan on to the app needs no call of it. An app that is mounted in
        another, under another server than ``streamactions serve``, calls it where its own life ends.
        """
        await end_calls(self._pulses.of(asyncio.get_running_loop()).calls, self._stop_timeout_s)

    async def _set_up(
        self, scope: Scope, receive: Receive, connection: Connection, pulse: Pulse
    ) -> tuple[ServedAction, dict[str, Any], contextvars.Context | None] | None:
        """What has to happen before the stream opens.

        Returns:
            The action, what is offered to its handler, and the context that its middleware left, if it has
            any; ``None`` where the call was answered.
        """
        context = None
        served = self._paths.get(_local_path(scope))
        body = Body(scope, receive, pulse)
        try:
            connection.begin_set_up()
            if served is None or scope["method"] != served.method:
                await self._answer_otherwise(scope, connection, served)
                return None
            action = served.action
            rules = None if action.method == "GET" else served.body_rules
            offered: dict[str, Any] = {"ctx": {}}
            if action.middleware or action.needs_event:
                request = LazyRequest(scope, partial(body.read, rules), lambda: connection.is_gone)
            if action.middleware:
                context = contextvars.copy_context()
            if served.early_middleware:
                # The client's leaving cannot be listened for: it would come after the body.
                offered["ctx"] = await _settle(
                    self._run_middleware(action, served.early_middleware, {}, request, connection, context)
                )
            offered["input"] = action.read_input(await body.read(rules), scope["query_string"])
            if served.middleware:
                chain = self._run_middleware(
                    action, served.middleware, offered["ctx"], request, connection, context
                )
                offered["ctx"] = await self._while_connected(chain, action, connection, pulse)
            if action.needs_event:
                offered["event"] = request.get()
            return served, offered, context
        except ClientLeftError:
            await connection.respond_to_nobody()
        except GeneratorExit:
            raise
        except asyncio.CancelledError as error:
            if connection.take_back_cancellation():
                await self._refuse(scope, connection, body, served, server_stopping())
            elif (task := asyncio.current_task()) is not None and not task.cancelling():
                # Nobody has cancelled this call: its middleware raises the error itself.
                await self._refuse(scope, connection, body, served, error)
            else:
                raise
        except BaseException as error:
            await self._refuse(scope, connection, body, served, error)
        finally:
            connection.end_set_up()
        return None

    async def _answer_otherwise(
        self, scope: Scope, connection: Connection, served: ServedAction | None
    ) -> None:
        """Answer what is no call of an action."""
        page = self._pages.get(_local_path(scope))
        if self._cors is not None and is_preflight(scope):
            await connection.respond(204, self._cors.preflight_headers(scope), b"")
        elif page is not None:
            await connection.respond(*page.answer(scope))
        elif served is None:
            raise ActionError("NOT_FOUND", self._explain_not_found(_local_path(scope)), 404)
        else:
            raise ActionError("METHOD_NOT_ALLOWED", f"This action is called with {served.method}", 405)

    def _explain_not_found(self, path: str) -> str:
        """Names the action that is meant where the name is only spelled in another way, and no other."""
        name = path.removeprefix(f"{self.prefix}/")
        meant = self._names_by_likeness.get(_likeness(name)) if name != path else None
        return f"There is no action at this path{f': write {meant}' if meant else ''}"

    def _run_middleware(
        self,
        action: StreamAction,
        middleware: Sequence[Middleware],
        ctx: Context,
        request: LazyRequest,
        connection: Connection,
        context: contextvars.Context | None,
    ) -> "asyncio.Task[Context]":
        chain = run_chain(
            middleware,
            action=action.name,
            event=request.get,
            response=connection.take_response,
            metadata=action.metadata,
            context=ctx,
        )
        return asyncio.get_running_loop().create_task(contain_exit(chain), context=context)

    async def _while_connected(
        self, chain: "asyncio.Task[Context]", action: StreamAction, connection: Connection, pulse: Pulse
    ) -> Context:
        """What middleware gives, unless the client leaves before."""

        def client_left() -> None:
            if action.on_disconnect == "cancel":
                chain.cancel()

        connection.watch(client_left, pulse)
        try:
            return await _settle(chain)
        except asyncio.CancelledError:
            if connection.is_gone:
                raise ClientLeftError from None
            raise

    async def _refuse(
        self,
        scope: Scope,
        connection: Connection,
        body: Body,
        served: ServedAction | None,
        error: BaseException,
    ) -> None:
        """Answer a call that failed before its stream opened, in the form that its client reads."""
        connection.end_set_up()
        await connection.unwatch()
        if not connection.is_gone:
            await connection.drain(body)
        if connection.is_gone:
            await connection.respond_to_nobody()
            return
        action = "?" if served is None else served.action.name
        told = await self._translate(connection, served, error, action)
        try:
            answer = self._spell(scope, served, told)
        except BaseException as fault:
            # An error object with a wire form of its own, or a dialect that cannot say it.
            log_failure("action %s: its refusal could not be written", action, error=fault)
            answer = self._spell(scope, served, _SETUP_FAILURE)
        await connection.respond(*answer)

    async def _translate(
        self, connection: Connection, served: ServedAction | None, error: BaseException, action: str
    ) -> ActionError:
        """What the client is told of an error; a stop does not wait for the action's own translation."""
        handle_server_error = None if served is None else served.action.handle_server_error
        if connection.is_stopped:
            return await to_action_error(error, None, _SETUP_FAILURE, action=action)
        try:
            connection.begin_set_up()
            return await to_action_error(error, handle_server_error, _SETUP_FAILURE, action=action)
        except asyncio.CancelledError:
            if not connection.take_back_cancellation():
                raise
            return server_stopping()
        finally:
            connection.end_set_up()

    def _spell(
        self, scope: Scope, served: ServedAction | None, error: ActionError
    ) -> tuple[int, Headers, bytes, Headers]:
        """The response that refuses a call; its last part are the error's own headers."""
        if accepts_event_stream(scope):
            dialect = self._dialect if served is None else served.dialect
            return 200, EVENT_STREAM_HEADERS, dialect.error(error), raw_headers(error.headers)
        body = orjson.dumps(error.to_wire())
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if error.status_code == 405:
            headers.append((b"allow", ("POST" if served is None else served.method).encode()))
        if error.status_code == 408 and scope["http_version"].startswith("1"):
            # The rest of the request may still come (RFC 9110, 15.5.9); HTTP/2 has a stream for each.
            headers.append((b"connection", b"close"))
        return error.status_code, headers, body, raw_headers(error.headers)


async def _settle(chain: "asyncio.Task[Context]") -> Context:
    """What a chain gives; if this task is cancelled, when the chain has ended as well."""
    try:
        return await chain
    finally:
        if not chain.done():
            chain.cancel()
            await asyncio.wait((chain,))


def _local_path(scope: Scope) -> str:
    """The path as the app sees it: a mounted one gets the whole, and in ``root_path`` where it is mounted."""
    path: str = scope["path"]
    root_path: str = scope.get("root_path", "")
    return path[len(root_path) :] if root_path and path.startswith(root_path + "/") else path


def _likeness(name: str) -> str:
    """What names have in common that people mix up: ``chat_gen``, ``chat-gen`` and ``Chat-Gen``."""
    return name.lower().replace("_", "-")
