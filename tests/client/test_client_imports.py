"""A caller's client is recognised whether or not its library is there."""

import sys
from types import ModuleType

import httpx
import pytest

from streamactions.client import HttpxTransport
from streamactions.client.default import resolve_transport


@pytest.mark.parametrize("module", [None, ModuleType("aiohttp")], ids=["blocked", "half-imported"])
def test_a_client_is_recognised_while_aiohttp_is_not_there(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None
) -> None:
    """Another thread's import shows in ``sys.modules`` before it is over."""
    monkeypatch.setitem(sys.modules, "aiohttp", module)
    assert isinstance(resolve_transport(httpx.AsyncClient(trust_env=False, verify=False)), HttpxTransport)
