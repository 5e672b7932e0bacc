"""Authentication: who is calling, as ``ctx["user"]``."""

from collections.abc import Awaitable, Callable
from inspect import isasyncgen, isgenerator
from typing import Any

from starlette.requests import Request

from streamactions.errors import DefinitionError, MiddlewareError, create_action_error
from streamactions.middleware.chain import Middleware, define_middleware
from streamactions.middleware.settle import settle
from streamactions.options import OptionChecks
from streamactions.response_headers import check_headers
from streamactions.types import Context, Next

__all__ = ["auth_middleware"]


def auth_middleware(
    resolve: Callable[[Request], Any | Awaitable[Any]], *, optional: bool = False, challenge: str = "Bearer"
) -> Middleware:
    """A middleware that finds the caller and puts it into the context as ``ctx["user"]``.

    Args:
        resolve: takes the request and returns the user; sync or async. Whatever is falsy (``None``,
            ``False``, ``""``) is nobody, so that a function that returns the outcome of its check
            guards as well; ``True`` is a user. It may raise an ``ActionError`` of its own; an
            exception that it returns is raised.
        optional: let callers pass who are nobody, with ``ctx["user"]`` as ``None``.

        challenge: what ``WWW-Authenticate`` says to who is nobody (RFC 9110, 11.6.1), such as
            ``'Basic realm="app"'``, at which a browser asks for a name and a password.

    Raises:
        DefinitionError: ``resolve`` is no function, ``optional`` no ``bool``, or the challenge is no value of
            a header.

    Raises (in a call):
        ActionError: ``UNAUTHORIZED``, 401, where ``resolve`` gave nobody.
        MiddlewareError: ``resolve`` is a generator, which answers nothing.
    """
    if not callable(resolve):
        raise DefinitionError("auth_middleware() needs a function: write auth_middleware(resolve_user)")
    OptionChecks("auth_middleware()").flag("optional", optional)

    try:
        headers = check_headers({"www-authenticate": challenge})
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"auth_middleware() got challenge={challenge!r}: {error}") from error

    async def auth(event: Request, ctx: Context, next: Next) -> Context:
        user = await settle(resolve(event))
        if isinstance(user, Exception):
            raise user
        if isgenerator(user) or isasyncgen(user):
            raise MiddlewareError("auth_middleware() got a function that yields: return the user instead")
        if user:
            return await next(ctx={"user": user})
        if not optional:
            raise create_action_error("UNAUTHORIZED", "Authentication required", 401, headers=headers)
        return await next(ctx={"user": None})

    return define_middleware(auth, before_input=True)
