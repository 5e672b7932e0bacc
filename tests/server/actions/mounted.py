"""The test actions within apps of other frameworks."""

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from server.actions.app import app

PREFIX_BELOW = "/below/it"


class Stamping(BaseHTTPMiddleware):
    """Middleware that sits between the server and what it wraps, message by message."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Add a header."""
        response = await call_next(request)
        response.headers["x-stamp"] = "stamped"
        return response


fastapi_root = FastAPI()


@fastapi_root.get("/other")
async def other() -> str:
    """A neighbour of the actions."""
    return "other"


fastapi_root.mount("/", app)

fastapi_below = FastAPI()
fastapi_below.mount(PREFIX_BELOW, app)

fastapi_stamped = FastAPI(middleware=[Middleware(Stamping)])
fastapi_stamped.mount(PREFIX_BELOW, app)

starlette_below = Starlette(routes=[Mount(PREFIX_BELOW, app)])
