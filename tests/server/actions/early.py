"""Actions that are guarded before their input is read."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from streamactions import (
    Stream,
    auth_middleware,
    csrf_middleware,
    define_middleware,
    define_stream_action,
    rate_limit_middleware,
)


class Small(BaseModel):
    """An input that a call may get wrong."""

    number: int


async def _tell(input: Any, stream: Stream, ctx: dict[str, Any]) -> None:
    """Say the input and the context."""
    await stream.send({"input": input, "ctx": ctx})


def _user(event: Request) -> str | None:
    return event.headers.get("x-user")


async def _user_in_body(event: Request) -> str | None:
    value = await event.json()
    return str(value["number"]) if "number" in value else None


@define_middleware
async def after(ctx: dict[str, Any], next: Any) -> Any:
    """Note what was there before."""
    return await next(ctx={"after": sorted(ctx)})


@define_middleware(before_input=True)
async def before(ctx: dict[str, Any], next: Any) -> Any:
    """Note what was there before."""
    return await next(ctx={"before": sorted(ctx)})


early_auth = define_stream_action(
    _tell, name="early-auth", input=Small, middleware=[after, auth_middleware(_user), before]
)
early_body = define_stream_action(
    _tell, name="early-body", input=Small, middleware=[auth_middleware(_user_in_body)]
)
early_limit = define_stream_action(
    _tell, name="early-limit", input=Small, middleware=[rate_limit_middleware(2, 3600, key=_user)]
)
early_site = define_stream_action(_tell, name="early-site", input=Small, middleware=[csrf_middleware()])
late_auth = define_stream_action(
    _tell,
    name="late-auth",
    input=Small,
    middleware=[define_middleware(auth_middleware(_user), before_input=False)],
)
