"""``examples/relay.py`` with aiohttp instead of the transport that it has."""

from typing import Any

import aiohttp

import relay


class Upstream(relay.Upstream):
    """The same over a session of its own, made by the first call: it belongs to the running loop."""

    transport: Any

    async def url(self) -> str:
        if not isinstance(self.transport, aiohttp.ClientSession):
            # By default a session opens a hundred connections, and the next stream waits.
            self.transport = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return await super().url()


relay.upstream = Upstream()
app = relay.app
