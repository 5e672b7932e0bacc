"""The clients that the readers of a round share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import httpx
import httpx2

from soak.reading import Reading
from streamactions.client import HyperTransport

__all__ = ["PREFIX", "Clients", "open_clients"]

PREFIX: Final = "/api/_actions"

# No TLS here; no bound on the connections; the soak has time limits of its own.
_HTTPX_OPTIONS: Final[dict[str, Any]] = {
    "trust_env": False,
    "verify": False,
    "limits": httpx.Limits(),
    "timeout": None,
}


@dataclass(frozen=True)
class Clients:
    """Where the server is, and what to read it with.

    Attributes:
        url: of the actions, without a slash at its end.
        port: the server's.
        shared: by name, what many calls share; ``"own"`` stands for a connection for each call.
    """

    url: str
    port: int
    shared: dict[str, Any]

    def pick(self, reading: Reading, random: Random) -> Any:
        """What to pass as ``client=`` for this call."""
        reading.client = random.choice(tuple(self.shared))
        return self.shared[reading.client]


@asynccontextmanager
async def open_clients(server_url: str) -> AsyncIterator[Clients]:
    """Open them, and close them."""
    hyper = HyperTransport()
    port = urlsplit(server_url).port
    assert port is not None
    try:
        async with (
            # A slot of the round waits for its call, so the pools need no bound of their own.
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            httpx.AsyncClient(**_HTTPX_OPTIONS) as client,
            httpx2.AsyncClient(**_HTTPX_OPTIONS) as client2,
        ):
            shared = {
                "own": None,
                "hyper": hyper,
                "aiohttp": session,
                "httpx": client,
                "httpx2": client2,
            }
            yield Clients(server_url + PREFIX, port, shared)
    finally:
        await hyper.aclose()
