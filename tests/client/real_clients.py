"""Each HTTP client that a stream can be read with; ``"default"`` stands for none of one's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import httpx
import httpx2
import pytest

from streamactions.client import HyperTransport

KINDS: Final = ["default", "aiohttp", "httpx", "httpx2", "hyper"]
every_client = pytest.mark.parametrize("kind", KINDS)


@asynccontextmanager
async def open_client(kind: str) -> AsyncIterator[Any]:
    if kind == "default":
        yield None
        return
    if kind == "hyper":
        transport = HyperTransport()
        try:
            yield transport
        finally:
            await transport.aclose()
        return
    makers: dict[str, Any] = {
        "aiohttp": aiohttp.ClientSession,
        # No TLS here, and loading the certificates takes longer than most of these tests.
        "httpx": lambda: httpx.AsyncClient(trust_env=False, verify=False),
        "httpx2": lambda: httpx2.AsyncClient(trust_env=False, verify=False),
    }
    async with makers[kind]() as client:
        yield client
        assert not (client.closed if kind == "aiohttp" else client.is_closed)
