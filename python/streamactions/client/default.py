"""Which transport a caller's ``client=`` means, and which one is taken where there is none."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias, cast

from streamactions.client.aiohttp_transport import AiohttpTransport
from streamactions.client.httpx_transport import HttpxTransport, library_of
from streamactions.client.hyper_transport import HyperTransport
from streamactions.client.transport import Transport
from streamactions.errors import DefinitionError

__all__ = ["DefaultTransport", "open_transport", "resolve_transport"]

DefaultTransport: TypeAlias = HyperTransport


def resolve_transport(client: object) -> Transport | None:
    """The transport for a caller's own client; ``None`` for ``None``.

    Raises:
        DefinitionError: it is no client that is known here.
    """
    if client is None:
        return None
    if callable(getattr(client, "open_response", None)):
        return cast(Transport, client)
    # Where aiohttp was not imported, or not to its end, nobody can have made a session.
    session_class = getattr(sys.modules.get("aiohttp"), "ClientSession", None)
    if session_class is not None and isinstance(client, session_class):
        return AiohttpTransport(client)
    if library_of(client) is not None:
        return HttpxTransport(client)
    raise DefinitionError(
        "client must be an aiohttp.ClientSession, an httpx.AsyncClient, an httpx2.AsyncClient "
        f"or an object with open_response (a Transport), not {type(client).__qualname__}"
    )


@asynccontextmanager
async def open_transport(lent: Transport | None) -> AsyncIterator[Transport]:
    """The transport that was lent, else one for this block alone."""
    if lent is not None:
        yield lent
        return
    own = DefaultTransport()
    try:
        yield own
    finally:
        await own.aclose()
