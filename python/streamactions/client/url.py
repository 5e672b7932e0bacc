"""URLs as people write them, made into what HTTP carries; what cannot be is refused with what to write.

Blanks and letters beyond ASCII are percent-encoded as browsers do (URL standard, "percent-encode after
encoding"), names of hosts become ASCII (IDNA), and ``user:password@`` becomes Basic authorization (RFC 7617).
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from streamactions.errors import DefinitionError
from streamactions.surrogates import replace_in_text

__all__ = ["Address", "is_absolute", "read_url", "show_url"]

_UNSAFE: Final = re.compile(r'[^!-~]|["<>`]')
"""What a path or a query holds only percent-encoded."""

_HOST: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\]")
"""RFC 3986, section 3.2.2, without percent-encoding, which names that are looked up do not have."""

_DEVIATIONS: Final = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
"""Letters that the two editions of IDNA take for different names (UTS 46, section 1.2), so that a guess could
be somebody else's host."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes.

    Attributes:
        url: absolute, in ASCII, without user and password.
        headers: the authorization that these make, if any.
    """

    url: str
    headers: Mapping[str, str]


def is_absolute(url: str) -> bool:
    """Whether this is an absolute HTTP URL."""
    parts = _split(url)
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.netloc)


def read_url(url: str) -> Address:
    """Make a URL into what HTTP carries.

    Raises:
        DefinitionError: it is no absolute HTTP URL, or its host is none; the message says what to write.
    """
    if not isinstance(url, str):
        raise DefinitionError(f'{show_url(url)} is no absolute URL: write one like "https://host/path"')
    return _read(url)


@lru_cache(maxsize=64)
def _read(url: str) -> Address:
    """Remembered, since a program calls a few URLs again and again."""
    parts = _split(url)
    if parts is None or not is_absolute(url) or not parts.hostname or parts.port == 0:
        raise DefinitionError(f'{show_url(url)} is no absolute URL: write one like "https://host/path"')
    if re.search(r"[\x00-\x1f\x7f]", url.strip()):
        raise DefinitionError(f"{show_url(url)} holds a control character, such as a line break: take it out")
    user_info, at, host_port = parts.netloc.rpartition("@")
    host, port = _split_port(host_port)
    rest = _UNSAFE.sub(lambda found: quote(found[0], safe=""), replace_in_text(_rest(parts)))
    address = f"{parts.scheme}://{_read_host(host, url)}{port}{rest}"
    if not at or not user_info:
        return Address(address, {})
    user, _, password = user_info.partition(":")
    secret = replace_in_text(f"{unquote(user)}:{unquote(password)}").encode()
    return Address(address, {"authorization": f"Basic {b64encode(secret).decode()}"})


def _split(url: str) -> SplitResult | None:
    if not isinstance(url, str):
        return None
    return _split_text(url)


@lru_cache(maxsize=64)
def _split_text(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        # Reading the port checks that it is one.
        _ = parts.port
    except ValueError:
        return None
    return parts


def _split_port(host_port: str) -> tuple[str, str]:
    host, colon, port = host_port.rpartition(":")
    if not colon or host_port.endswith("]"):
        return host_port, ""
    return host, f":{int(port)}" if port else ""


def _rest(parts: SplitResult) -> str:
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.path}{query}{fragment}"


def _read_host(host: str, url: str) -> str:
    if not host.isascii():
        if _DEVIATIONS.search(host):
            raise DefinitionError(f"{show_url(url)} has a host of two meanings: write it in its xn-- form")
        try:
            host = host.encode("idna").decode()
        except UnicodeError as exc:
            raise DefinitionError(
                f"{show_url(url)} has no valid host: write it in its xn-- form ({exc})"
            ) from exc
    if _HOST.fullmatch(host) is None:
        raise DefinitionError(f'{show_url(url)} has no valid host: write a URL like "https://host/path"')
    return host


def show_url(url: str) -> str:
    """The URL for a message, without what may be a password."""
    if not isinstance(url, str):
        return repr(url)
    return repr(re.sub(r"//.*@", "//", url, flags=re.DOTALL))
