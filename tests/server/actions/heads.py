"""Actions that set headers and cookies."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from server.actions.journal import journal
from streamactions import (
    Stream,
    auth_middleware,
    create_action_error,
    define_middleware,
    define_stream_action,
    rate_limit_middleware,
)


@define_middleware
async def named(event: Request, response: Response, next: Any) -> Any:
    """Give the call a name."""
    response.headers["x-request-id"] = event.headers.get("x-request-id", "none")
    response.set_cookie("seen", "1")
    return await next()


@define_middleware
async def refusing_with_headers() -> None:
    """Refuse with headers, one of which is set already."""
    raise create_action_error("BUSY", "Busy", 503, headers={"Retry-After": "7", "X-Request-Id": "other"})


async def _send_one(stream: Stream) -> None:
    await stream.send(1)


@define_stream_action
async def sets_headers(stream: Stream, response: Response) -> None:
    """Set a header and cookies, then send; then try again."""
    response.headers["x-model"] = "small"
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie("a", "1", httponly=True)
    response.set_cookie("b", "2")
    await stream.send(1)
    try:
        response.headers["x-late"] = "1"
    except RuntimeError as error:
        await stream.send(str(error))


@define_stream_action(keep_alive_s=0.05)
async def sets_headers_late(input: dict[str, Any], stream: Stream, response: Response) -> None:
    """Set a header, then think."""
    response.headers["x-model"] = "slow"
    await journal.wait(input["run"], "go")
    await stream.send(1)


@define_stream_action
async def sets_headers_and_ends(response: Response, stream: Stream) -> None:
    """Send nothing."""
    response.headers["x-model"] = "silent"


@define_stream_action
async def sets_headers_and_fails(response: Response, stream: Stream) -> None:
    """Fail before the first chunk."""
    response.headers["x-model"] = "broken"
    raise create_action_error("BROKEN", "Broken", 500)


@define_stream_action
async def sets_wrong_headers(response: Response, stream: Stream) -> None:
    """Try what cannot be sent."""
    told = []
    for name, value in (("x", "a\r\nb: c"), ("x y", "a"), ("Content-Length", "5"), ("x", "\N{SNOWMAN}")):
        try:
            response.headers[name] = value
        except ValueError as error:
            told.append(type(error).__name__)
    try:
        response.status_code = 201
    except ValueError as error:
        told.append(str(error))
    await stream.send(told)


named_call = define_stream_action(_send_one, name="named-call", middleware=[named])
named_refusal = define_stream_action(
    _send_one, name="named-refusal", middleware=[named, refusing_with_headers]
)
challenged = define_stream_action(
    _send_one, name="challenged", middleware=[auth_middleware(lambda event: None)]
)
challenged_basic = define_stream_action(
    _send_one,
    name="challenged-basic",
    middleware=[auth_middleware(lambda event: None, challenge='Basic realm="app"')],
)
limited_once = define_stream_action(
    _send_one,
    name="limited-once",
    middleware=[rate_limit_middleware(1, 3600, key=lambda event: event.headers["x-user"])],
)
