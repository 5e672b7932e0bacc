"""The address to listen on: resolved, free, and held.

Granian's workers share a port by ``SO_REUSEPORT``, so a second server of the same user would be
let in on the same port without a word, and each would get some of the calls. Therefore the port is
tried without that option first. Then it is held, bound but not listening, until the server ends:
that keeps others off it, and a port that the system chose stays the same for every worker.
"""

import errno
import socket
from dataclasses import dataclass
from typing import Final

from streamactions.serve.errors import ServeError

__all__ = ["Address", "hold_address"]

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        ip: an IPv4 or IPv6 address.
        port: 1 to 65535.
    """

    ip: str
    port: int

    @property
    def reachable_ip(self) -> str:
        """Where this machine reaches it: the loopback, if the server listens on all addresses."""
        return _WILDCARDS.get(self.ip, self.ip)

    def url(self, scheme: str) -> str:
        """The URL of the server for this machine, without a path."""
        ip = self.reachable_ip
        return f"{scheme}://{f'[{ip}]' if ':' in ip else ip}:{self.port}"


def hold_address(host: str, port: int) -> tuple[Address, socket.socket]:
    """Find the address of a host name and hold its port; closing the socket lets it go.

    Args:
        host: a name or an IP address.
        port: 0 lets the system choose one.

    Raises:
        ServeError: there is no such host, or the port is taken or forbidden.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServeError(f"there is no host {host!r}: pass --host with an address of this machine") from error
    # IPv4 first: "localhost" means that to more clients.
    family, _, _, _, (ip, *_) = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    try:
        if port:
            _bind(family, str(ip), port, shared=False).close()
        held = _bind(family, str(ip), port, shared=True)
    except OSError as error:
        raise ServeError(_explain(error, str(ip), port)) from error
    return Address(str(ip), held.getsockname()[1]), held


def _bind(family: int, ip: str, port: int, *, shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of an earlier server that are not quite over do not matter.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((ip, port))
    except OSError:
        bound.close()
        raise
    return bound


def _explain(error: OSError, ip: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {ip} is taken: stop what uses it, or pass another --port"
    if error.errno == errno.EACCES:
        return f"port {port} is for the system's administrator: pass a --port above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {ip}: pass --host 127.0.0.1, or 0.0.0.0 for all of its addresses"
    return f"cannot listen on port {port} of {ip}: {error.strerror}"
