"""A guarded action: who calls, how often, what for, and what a client learns when it fails.

Run it with ``streamactions serve examples/secured.py`` and call it with
``-H 'Authorization: Bearer alice-token'``. ``API_TOKENS`` (``name:plan:token``, separated by
commas) replaces the two callers that are built in for trying it out.
"""

import hmac
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, Field
from starlette.requests import Request

from streamactions import (
    StreamActions,
    auth_middleware,
    create_action_error,
    define_middleware,
    define_stream_action,
    rate_limit_middleware,
)
from streamactions.types import Context, Metadata, Next

EXAMPLE_TOKENS: Final = "alice:pro:alice-token,bob:free:bob-token"
CALLS_PER_MINUTE: Final = 5
PLANS: Final = ("free", "pro")


@dataclass(frozen=True)
class User:
    """Who calls."""

    name: str
    plan: str


def read_users(tokens: str) -> dict[str, User]:
    """The users by token, from ``name:plan:token`` entries."""
    entries = (entry.split(":", 2) for entry in tokens.split(","))
    return {token: User(name, plan) for name, plan, token in entries}


USERS: Final = read_users(os.environ.get("API_TOKENS") or EXAMPLE_TOKENS)


def read_token(event: Request) -> str:
    """The bearer token of a request (RFC 6750, 2.1), or an empty string."""
    scheme, _, token = event.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def find_user(event: Request) -> User | None:
    """Who the token belongs to; every token is compared in the same time, so none can be guessed."""
    given = read_token(event).encode()
    matches = [user for token, user in USERS.items() if hmac.compare_digest(token.encode(), given)]
    return matches[0] if matches else None


@define_middleware
async def require_plan(ctx: Context, metadata: Metadata, next: Next) -> Context:
    """Lets a user pass whose plan is at least the one that the action's metadata names."""
    included = PLANS.index(ctx["user"].plan)
    if included < PLANS.index(metadata["plan"]):
        raise create_action_error("PLAN_REQUIRED", f"This needs the plan '{metadata['plan']}'", 403)
    return await next(ctx={"max_lines": 1000 if included else 10})


class Report(BaseModel):
    """What a client sends."""

    city: str = Field(min_length=1, max_length=100, examples=["Lisbon"])


class Line(BaseModel):
    """One chunk: the weather of a day."""

    day: int = Field(ge=1)
    celsius: float
    prepared_for: str


class ArchiveOfflineError(Exception):
    """The archive cannot be read; says more than a client may know."""


ARCHIVE: Final = {"Lisbon": [21.5, 22.0, 19.5], "Oslo": [4.0, 3.5, 6.0]}
"""Degrees Celsius by day. Stands for a database."""


def read_archive(city: str) -> list[float]:
    """The days of a city.

    Raises:
        ArchiveOfflineError: the shelf of that city is closed.
    """
    if city == "Atlantis":
        raise ArchiveOfflineError("shelf 7 of archive-2.internal is under water")
    if city not in ARCHIVE:
        raise create_action_error("CITY_UNKNOWN", "There is no such city in the archive", 404)
    return ARCHIVE[city]


def explain(error: Exception) -> dict[str, Any]:
    """What a client is told of an unexpected failure; the details stay in the log."""
    if isinstance(error, ArchiveOfflineError):
        return {"code": "ARCHIVE_OFFLINE", "message": "Try again later", "status_code": 503}
    return {"code": "REPORT_FAILED", "message": "The report failed", "status_code": 500}


@define_stream_action(
    input=Report,
    output=Line,
    middleware=[
        auth_middleware(find_user),
        rate_limit_middleware(CALLS_PER_MINUTE, 60, key=read_token),
        require_plan,
    ],
    metadata={"plan": "pro"},
    handle_server_error=explain,
)
async def weather_report(input: Report, ctx: Context) -> AsyncGenerator[Line, None]:
    """The days of a city, each as a chunk."""
    for day, celsius in enumerate(read_archive(input.city)[: ctx["max_lines"]], start=1):
        yield Line(day=day, celsius=celsius, prepared_for=ctx["user"].name)


app = StreamActions([weather_report])
