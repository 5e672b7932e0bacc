"""Under which names the console may be opened: DNS rebinding.

A page of another site may point its own name at this machine. To the browser the app is then of that
page's origin, so the page may read what it answers. Only the name that the browser sends as ``Host``
tells them apart: it is the page's, and never an IP address or ``localhost`` (RFC 6761, 6.3).
"""

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from streamactions.app.asgi import Scope
from streamactions.errors import DefinitionError
from streamactions.options import OptionChecks

__all__ = ["is_own_host", "resolve_hosts"]

_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]*)?")


def resolve_hosts(hosts: Collection[str]) -> frozenset[str]:
    """The names in one spelling.

    Raises:
        DefinitionError: one is no name of a host.
    """
    if isinstance(hosts, str):
        raise DefinitionError(f"console_hosts must be a list: write [{hosts!r}]")
    listed = OptionChecks("StreamActions").texts("console_hosts", hosts, "dev.example")
    names = frozenset(host.lower() for host in listed)
    for name in names:
        if not _NAME.fullmatch(name):
            raise DefinitionError(
                f'console_hosts has {name!r}, which is no name of a host: write it like "dev.example"'
            )
    return names


def is_own_host(scope: Scope, hosts: frozenset[str]) -> bool:
    """Whether a request was sent to an IP address, to ``localhost``, or to one of the names.

    A request that names no host or several is none: browsers send one (RFC 9112, 3.2).

    Args:
        scope: the request's; servers put HTTP/2's ``:authority`` among its headers as ``host``.
        hosts: what ``resolve_hosts`` gave.
    """
    values = [value for name, value in scope["headers"] if name == b"host"]
    if len(values) != 1:
        return False
    found = _HOST.fullmatch(values[0].decode("latin-1").lower())
    if found is None:
        return False
    name = found[1].removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or name in hosts or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
