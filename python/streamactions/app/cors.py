"""Cross-origin calls by browsers: which pages of other origins may read what the app answers.

Rules: the Fetch standard, "CORS protocol" (https://fetch.spec.whatwg.org/#http-cors-protocol).
CORS says who may read an answer, never what may be called: a preflight allows every method and
header that an action could take, so that a wrong one gets the app's own readable refusal.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from streamactions.app.asgi import Headers, Scope
from streamactions.app.request import header
from streamactions.errors import ActionError, DefinitionError
from streamactions.options import OptionChecks

__all__ = ["Cors", "is_preflight", "resolve_cors"]

DEFAULT_MAX_AGE_S: Final = 600
"""How long a browser may remember a preflight's answer; Chromium takes no more than 7,200 s."""

_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE"
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Cors:
    """Which origins may call the app from a browser.

    Args:
        origins: origins as browsers write them, such as ``"https://app.example"``, or ``"*"`` for all.
        credentials: whether cookies and HTTP authentication come with such calls; origins must be named.
        max_age_s: seconds for which a browser remembers that it may call.

    Raises:
        DefinitionError: an origin is none, or ``"*"`` shall get credentials.
    """

    origins: Collection[str]
    credentials: bool = False
    max_age_s: int = DEFAULT_MAX_AGE_S

    def __post_init__(self) -> None:
        if isinstance(self.origins, str):
            raise DefinitionError(f"cors origins must be a list: write [{self.origins!r}]")
        checks = OptionChecks("cors")
        origins = frozenset(checks.texts("origins", self.origins, "https://app.example"))
        checks.flag("credentials", self.credentials)
        if not origins:
            raise DefinitionError('cors names no origin: write cors=["https://app.example"], or leave it out')
        for origin in origins - {"*"}:
            _check_origin(origin)
        if "*" in origins and self.credentials:
            raise DefinitionError('cors origin "*" cannot have credentials: name the origins')
        if not isinstance(self.max_age_s, int) or isinstance(self.max_age_s, bool) or self.max_age_s < 0:
            raise DefinitionError(f"cors max_age_s={self.max_age_s!r} is no number of seconds: write 600")
        object.__setattr__(self, "origins", origins)

    def headers(self, scope: Scope) -> Headers:
        """What every answer to this request carries."""
        if "*" in self.origins:
            return [(b"access-control-allow-origin", b"*")]
        # Even without an Origin: a cache must not give this answer to a page of another one.
        headers: Headers = [(b"vary", b"Origin")]
        origin = header(scope, b"origin")
        if origin is not None and origin.decode("latin-1") in self.origins:
            headers.append((b"access-control-allow-origin", origin))
            if self.credentials:
                headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    def preflight_headers(self, scope: Scope) -> Headers:
        """What the answer to a preflight carries in addition.

        Raises:
            ActionError: the origin is not allowed (``FORBIDDEN``, 403).
        """
        origin = (header(scope, b"origin") or b"").decode("latin-1")
        if "*" not in self.origins and origin not in self.origins:
            raise ActionError("FORBIDDEN", "This origin may not call the actions", 403)
        headers: Headers = [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", str(self.max_age_s).encode()),
        ]
        wanted = header(scope, b"access-control-request-headers")
        if wanted is not None:
            headers.append((b"access-control-allow-headers", wanted))
        return headers


def resolve_cors(cors: Cors | Collection[str] | None) -> Cors | None:
    """The rules that ``cors=`` stands for: themselves, a list of origins, or none.

    Raises:
        DefinitionError: see ``Cors``.
    """
    return cors if cors is None or isinstance(cors, Cors) else Cors(cors)


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks if it may send a request (Fetch, "CORS-preflight request")."""
    return (
        scope["method"] == "OPTIONS"
        and header(scope, b"origin") is not None
        and header(scope, b"access-control-request-method") is not None
    )


def _check_origin(origin: str) -> None:
    if origin == "null":
        raise DefinitionError('cors origin "null" is every sandboxed page and local file: name an origin')
    # A browser writes no path, no final slash, no capitals and no default port; such would never match.
    scheme = origin.partition("://")[0]
    port = _DEFAULT_PORTS.get(scheme)
    if not _ORIGIN.fullmatch(origin) or (port is not None and origin.endswith(port)):
        raise DefinitionError(f'cors origin {origin!r} is no origin: write it like "https://app.example"')
