"""Actions whose calls fail before their stream opens."""

from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request

from server.actions.journal import journal
from streamactions import (
    Stream,
    auth_middleware,
    create_action_error,
    csrf_middleware,
    define_middleware,
    define_stream_action,
    rate_limit_middleware,
)


class Address(BaseModel):
    """The innermost part of an order."""

    zip_code: str = Field(min_length=5)


class User(BaseModel):
    """Who orders."""

    email: str
    address: Address


class Item(BaseModel):
    """What is ordered."""

    count: int


class Order(BaseModel):
    """An input with a list and models in it."""

    user: User
    items: list[Item] = []


@define_stream_action(input=Order)
async def order(input: Order, stream: Stream) -> None:
    """Say back what came."""
    await stream.send(input)


async def open_stream(input: Any, stream: Stream, ctx: dict[str, Any]) -> None:
    """Say the context; note that the handler ran."""
    if isinstance(input, dict) and "run" in input:
        journal.note(input["run"], "handler")
    await stream.send(ctx)


def _user(event: Request) -> str | None:
    return event.headers.get("x-user")


guarded = define_stream_action(open_stream, name="guarded", middleware=[auth_middleware(_user)])
greeted = define_stream_action(
    open_stream, name="greeted", middleware=[auth_middleware(_user, optional=True)]
)
same_site = define_stream_action(open_stream, name="same-site", middleware=[csrf_middleware()])
limited = define_stream_action(
    open_stream,
    name="limited",
    middleware=[rate_limit_middleware(2, 3600, key=lambda event: event.headers["x-user"])],
)


async def _run(event: Request) -> str:
    return str((await event.json())["run"])


@define_middleware
async def first(event: Request, ctx: dict[str, Any], metadata: dict[str, Any], next: Any) -> Any:
    """Add to the context."""
    assert ctx == {}
    merged = await next(ctx={"first": metadata["level"], "both": "first"})
    assert merged == {"first": 1, "both": "first"}
    return merged


@define_middleware
async def second(next: Any, ctx: dict[str, Any]) -> Any:
    """Add to it, and take over a name."""
    return await next(ctx={"second": len(ctx), "both": "second"})


@define_middleware
async def pass_on(next: Any) -> None:
    """Add nothing."""
    await next()


@define_middleware
async def raising(event: Request) -> None:
    """Fail, with a detail that no client may see."""
    raise RuntimeError(f"secret {await _run(event)}")


@define_middleware
async def refusing() -> None:
    """Refuse the call."""
    raise create_action_error("PAYMENT_REQUIRED", "Out of credit", 402)


@define_middleware
async def forgetful(event: Request) -> None:
    """Return without having called ``next``."""


@define_middleware
async def eager(next: Any) -> Any:
    """Call ``next`` twice."""
    await next()
    return await next()


@define_middleware
async def late(event: Request, next: Any) -> None:
    """Fail after ``next``."""
    await next()
    raise RuntimeError(f"secret {await _run(event)}")


@define_middleware
async def noting(event: Request, next: Any) -> Any:
    """Note that this one's turn came."""
    journal.note(await _run(event), "second middleware")
    return await next()


chained = define_stream_action(
    open_stream, name="chained", middleware=[first, second, pass_on], metadata={"level": 1}
)
raising_first = define_stream_action(open_stream, name="raising", middleware=[raising, noting])
refusing_first = define_stream_action(open_stream, name="refusing", middleware=[refusing, noting])
forgetful_first = define_stream_action(open_stream, name="forgetful", middleware=[forgetful, noting])
eager_first = define_stream_action(open_stream, name="eager", middleware=[eager, noting])
late_first = define_stream_action(open_stream, name="late", middleware=[late, noting])
