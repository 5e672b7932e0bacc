"""Protection against cross-site request forgery, by what browsers say of a request's origin.

Rule: a browser marks every cross-site request with ``Sec-Fetch-Site`` (W3C Fetch Metadata), where the
server is reached by HTTPS or is local, and with ``Origin`` (Fetch Standard, 3.2) where the method is
another than GET. A request that has neither does not come from a browser and carries nobody's cookies
unasked. No token and no cookie is needed, so there is nothing to store and nothing to forget in a form.

An action does something whatever its method is, so GET is no exception. A GET action that is reached
by plain HTTP under a name is not marked by browsers, and cannot be guarded: serve it by HTTPS, or use POST.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request

from streamactions.errors import DefinitionError, create_action_error
from streamactions.middleware.chain import Middleware, define_middleware
from streamactions.options import OptionChecks
from streamactions.types import Context, Next

__all__ = ["csrf_middleware"]


def _check_origin(origin: str) -> str:
    parts = urlsplit(origin)
    if not parts.scheme or not parts.netloc or parts.path or parts.query:
        raise DefinitionError(
            f"csrf_middleware() got the origin {origin!r}: write scheme and host only, 'https://app.example.com'"
        )
    return origin.lower()


def _is_same_site(event: Request, trusted: frozenset[str]) -> bool:
    origin = event.headers.get("origin")
    if origin is not None and origin.lower() in trusted:
        return True
    site = event.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    if origin is not None:
        # An opaque origin ("null") has no host, and so has a request that names none: no match.
        try:
            host = urlsplit(origin).netloc.lower()
        except ValueError:
            # Nobody's origin, and no browser's.
            return False
        return host != "" and host == event.headers.get("host", "").lower()
    return True


def csrf_middleware(*, trusted_origins: Iterable[str] = ()) -> Middleware:
    """A middleware that refuses requests which another site made a browser send.

    Args:
        trusted_origins: other origins that may call, such as ``"https://app.example.com"``. Their pages
            have to use ``fetch``: a link or an image of theirs to a GET action names no origin.

    Raises:
        DefinitionError: an origin is not ``scheme://host[:port]``.

    Raises (in a call):
        ActionError: ``CSRF_ERROR``, 403.
    """
    origins = OptionChecks("csrf_middleware()").texts(
        "trusted_origins", trusted_origins, "https://app.example.com"
    )
    trusted = frozenset(_check_origin(origin) for origin in origins)

    async def csrf(event: Request, next: Next) -> Context:
        if not _is_same_site(event, trusted):
            raise create_action_error("CSRF_ERROR", "Cross-site request refused", 403)
        return await next()

    return define_middleware(csrf, before_input=True)
