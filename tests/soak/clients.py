"""The clients that the readers of a round share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import httpx

from streamactions.client import HyperTransport

__all__ = ["PREFIX", "Clients", "open_clients"]

PREFIX: Final = "/api/_actions"


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

    def pick(self, random: Random) -> Any:
        """What to pass as ``client=``."""
        return self.shared[random.choice(tuple(self.shared))]


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
            httpx.AsyncClient(trust_env=False, verify=False, limits=httpx.Limits(), timeout=None) as client,
        ):
            shared = {"own": None, "hyper": hyper, "aiohttp": session, "httpx": client}
            yield Clients(server_url + PREFIX, port, shared)
    finally:
        await hyper.aclose()
