"""Authentication: who is calling, as ``ctx["user"]``."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from streamactions.errors import DefinitionError, create_action_error
from streamactions.middleware.chain import Middleware, define_middleware
from streamactions.types import Context, Next

__all__ = ["auth_middleware"]


def auth_middleware(
    resolve: Callable[[Request], Any | Awaitable[Any]], *, optional: bool = False
) -> Middleware:
    """A middleware that finds the caller and puts it into the context as ``ctx["user"]``.

    Args:
        resolve: takes the request and returns the user, or ``None`` where there is none; sync or
            async. It may raise an ``ActionError`` of its own.
        optional: let callers pass who are nobody, with ``ctx["user"]`` as ``None``.

    Raises (in a call):
        ActionError: ``UNAUTHORIZED``, 401, where ``resolve`` gave ``None``.
    """
    if not callable(resolve):
        raise DefinitionError("auth_middleware() needs a function: write auth_middleware(resolve_user)")

    async def auth(event: Request, ctx: Context, next: Next) -> Context:
        user = resolve(event)
        if isinstance(user, Awaitable):
            user = await user
        if user is None and not optional:
            raise create_action_error("UNAUTHORIZED", "Authentication required", 401)
        return await next(ctx={"user": user})

    return define_middleware(auth)
