"""aiohttp is loaded by whoever makes a transport of it, and works as if it had always been there."""

import sys
from types import ModuleType

import httpx
import pytest
from new_process import in_new_process

from streamactions.client import HttpxTransport
from streamactions.client.default import resolve_transport


def test_aiohttp_is_loaded_by_its_transport_whose_failures_keep_their_types() -> None:
    program = """
        import asyncio, sys
        from scripted_server import *
        from streamactions import use_stream_action
        from streamactions.client import AiohttpTransport
        from streamactions.errors import DefinitionError

        use_stream_action("http://h/")
        try:
            use_stream_action("http://h/", client=object())
        except DefinitionError:
            print("aiohttp" in sys.modules)
        transport = AiohttpTransport()
        print("aiohttp" in sys.modules)

        async def script(connection):
            await connection.receive()
            await connection.send(UNTIL_CLOSE_HEAD + b"data: 1\\n\\n")
            connection.reset()

        async def main():
            async with scripted_server(script) as url:
                handle = use_stream_action(url, client=transport)
                await handle.execute()
                print(handle.chunks, handle.error.code, type(handle.error.__cause__).__name__)
            await handle.execute()
            print(handle.error.code, type(handle.error.__cause__).__name__)
            await transport.aclose()

        asyncio.run(main())
    """
    assert in_new_process(program).splitlines() == [
        "False",
        "True",
        "[1] STREAM_INCOMPLETE BodyBrokenError",
        "CONNECTION_ERROR ConnectFailedError",
    ]


@pytest.mark.parametrize("module", [None, ModuleType("aiohttp")], ids=["blocked", "half-imported"])
def test_a_client_is_recognised_while_aiohttp_is_not_there(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None
) -> None:
    """Another thread's import shows in ``sys.modules`` before it is over."""
    monkeypatch.setitem(sys.modules, "aiohttp", module)
    assert isinstance(resolve_transport(httpx.AsyncClient(trust_env=False, verify=False)), HttpxTransport)
