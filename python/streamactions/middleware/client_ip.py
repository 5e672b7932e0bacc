"""Who is calling, behind proxies: the address that a caller cannot choose.

Each proxy appends the address of its own peer to ``X-Forwarded-For`` (RFC 7239, 5.2 says the same of
``Forwarded``), and passes on whatever was there before. So only what trusted proxies have appended is
true: the list is read from its end, for as long as the one who wrote an entry is trusted.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from starlette.requests import Request

from streamactions.errors import DefinitionError
from streamactions.options import OptionChecks

__all__ = ["client_ip"]

_Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network

DEFAULT_IPV6_PREFIX: Final = 64
"""What one subscriber has at least (RFC 6177), and may take a new address of for each call."""

MAX_HOPS: Final = 32
"""Entries that are looked at; a header of 64 KiB would hold thousands."""

_IPV6_BITS: Final = 128

LOOPBACK: Final = ("127.0.0.0/8", "::1")


def client_ip(
    *, trusted_proxies: Iterable[str] = LOOPBACK, ipv6_prefix: int = DEFAULT_IPV6_PREFIX
) -> Callable[[Request], str]:
    """A function from a request to its caller's address: a ``key=`` for ``rate_limit_middleware``.

    ``X-Forwarded-For`` counts only where the connection comes from a trusted proxy, and then no further
    than what trusted proxies have written. Where it is missing or holds what is no address, the last
    address that is certain is returned; a request never fails because of it.

    Args:
        trusted_proxies: addresses and networks of your own proxies, such as ``"10.0.0.0/8"``; by default
            those of the same machine. Each has to append to ``X-Forwarded-For``, or to replace it.
        ipv6_prefix: how many bits of an IPv6 address tell callers apart.

    Raises:
        DefinitionError: a proxy is no address and no network, or the prefix is none.
    """
    networks = _read_networks(trusted_proxies)
    is_whole = isinstance(ipv6_prefix, int) and not isinstance(ipv6_prefix, bool)
    if not is_whole or not 0 < ipv6_prefix <= _IPV6_BITS:
        raise DefinitionError(f"client_ip() got ipv6_prefix={ipv6_prefix!r}: write a number from 1 to 128")

    def find(event: Request) -> str:
        peer = event.client.host if event.client is not None else ""
        address = _read_address(peer)
        if address is None:
            # A socket of the file system, or a test: there is no address, and nobody to trust.
            return peer
        for entry in _forwarded(event):
            if not _is_in(address, networks):
                break
            before = _read_address(entry)
            if before is None:
                break
            address = before
        return _name(address, ipv6_prefix)

    return find


def _read_networks(proxies: Iterable[str]) -> tuple[_Network, ...]:
    if isinstance(proxies, str):
        raise DefinitionError(f"client_ip() needs a list of proxies: write trusted_proxies=[{proxies!r}]")
    networks = []
    for proxy in OptionChecks("client_ip()").listed("trusted_proxies", proxies, '"10.0.0.0/8"'):
        try:
            if not isinstance(proxy, str):
                raise ValueError("it is no text")
            networks.append(ip_network(proxy))
        except ValueError as error:
            raise DefinitionError(
                f"client_ip() got the proxy {proxy!r} ({error}): write an address or a network, '10.0.0.0/8'"
            ) from error
    return tuple(networks)


def _forwarded(event: Request) -> list[str]:
    """The entries of all ``X-Forwarded-For`` headers (RFC 9110, 5.3), the last one first."""
    entries = ",".join(event.headers.getlist("x-forwarded-for")).rsplit(",", MAX_HOPS)
    # Where there are more, the first of these is all the rest.
    return entries[::-1][:MAX_HOPS]


def _read_address(text: str) -> _Address | None:
    """The address in an entry: bare, with a port, in brackets (RFC 7239, 6); an IPv4 one in IPv6 as IPv4."""
    text = text.strip(" \t")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        # A zone counts on the machine that wrote it only (RFC 4007, 11.2).
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: _Address, networks: tuple[_Network, ...]) -> bool:
    return any(address in network for network in networks)


def _name(address: _Address, ipv6_prefix: int) -> str:
    if isinstance(address, IPv4Address) or ipv6_prefix == _IPV6_BITS:
        return str(address)
    return str(IPv6Network((address, ipv6_prefix), strict=False))
