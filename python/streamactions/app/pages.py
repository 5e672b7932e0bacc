"""What the app serves beside its actions: the browser client's modules and, if it is on, the console.

All of it comes from the package itself and is revalidated by its ETag (RFC 9110, 13.1.2), so that a
browser never runs a client that is older than its server.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Final

import orjson

from streamactions.action import StreamAction
from streamactions.app.asgi import Headers, Scope
from streamactions.app.hosts import is_own_host
from streamactions.app.request import header
from streamactions.browser import read_modules
from streamactions.console import describe_actions, read_files
from streamactions.errors import ActionError, DefinitionError

__all__ = ["Page", "make_pages"]

CONSOLE: Final = "console/"
"""Below this, the console keeps its files; its page is at the prefix itself."""

_MEDIA_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".svg": b"image/svg+xml",
}

_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # The browser itself refuses to take a text for markup, whatever a stream carries.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
).encode()

_OTHER_HOST: Final = (
    b"The console may not be opened under this name: use localhost or an IP address, "
    b'or write StreamActions(..., console_hosts=["dev.example"])\n'
)


class Page:
    """What is read at one path.

    Args:
        content_type: its media type.
        make: gives its content; asked once, at the first request.
        hosts: the names beside ``localhost`` and IP addresses under which it may be opened; ``None``
            where it does not matter.
    """

    def __init__(
        self, content_type: bytes, make: Callable[[], bytes], hosts: frozenset[str] | None = None
    ) -> None:
        self._make = make
        self._hosts = hosts
        self._headers: Headers = [
            (b"content-type", content_type),
            (b"cache-control", b"no-cache"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if content_type.startswith(b"text/html"):
            self._headers.append((b"content-security-policy", _CONTENT_SECURITY_POLICY))
            self._headers.append((b"referrer-policy", b"no-referrer"))

    @cached_property
    def _content(self) -> tuple[bytes, bytes]:
        content = self._make()
        return content, b'"%b"' % hashlib.sha256(content).hexdigest()[:32].encode()

    def answer(self, scope: Scope) -> tuple[int, Headers, bytes]:
        """The response to a request for it: status, headers and body."""
        if self._hosts is not None and not is_own_host(scope, self._hosts):
            return _refuse_host()
        if scope["method"] not in ("GET", "HEAD"):
            return _refuse_method()
        content, etag = self._content
        headers = [*self._headers, (b"etag", etag)]
        if _matches(header(scope, b"if-none-match"), etag):
            return 304, headers, b""
        headers.append(_content_length(content))
        return 200, headers, b"" if scope["method"] == "HEAD" else content


def make_pages(
    prefix: str, actions: Mapping[str, StreamAction], *, console: bool, hosts: frozenset[str]
) -> dict[str, Page]:
    """The app's pages by path.

    Args:
        prefix: the app's, without a slash at the end.
        actions: the app's, by name.
        console: whether the console is among them.
        hosts: the names beside ``localhost`` and IP addresses under which it may be opened.

    Raises:
        DefinitionError: an action's name is the path of a page; also where the console is off, so
            that switching it on breaks no app.
    """
    contents: dict[str, Callable[[], bytes]] = {
        name: partial(bytes, module) for name, module in read_modules().items()
    }
    for name in actions:
        if name in contents or name.startswith(CONSOLE):
            raise DefinitionError(
                f'action name {name!r} is taken by a page of the app: write name="my-action"'
            )
    if console:
        for name, file in read_files().items():
            contents["" if name == "index.html" else CONSOLE + name] = partial(bytes, file)
        contents[CONSOLE + "actions.json"] = partial(describe_actions, actions)
    public = read_modules().keys()
    return {
        f"{prefix}/{name}": Page(
            _MEDIA_TYPES[PurePosixPath(name or "index.html").suffix], make, None if name in public else hosts
        )
        for name, make in contents.items()
    }


def _refuse_host() -> tuple[int, Headers, bytes]:
    return 403, [(b"content-type", b"text/plain"), _content_length(_OTHER_HOST)], _OTHER_HOST


def _refuse_method() -> tuple[int, Headers, bytes]:
    refusal = ActionError("METHOD_NOT_ALLOWED", "This is a page and no action: use GET", 405)
    body = orjson.dumps(refusal.to_wire())
    headers: Headers = [
        (b"content-type", b"application/json"),
        _content_length(body),
        (b"allow", b"GET, HEAD"),
    ]
    return 405, headers, body


def _content_length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()


def _matches(if_none_match: bytes | None, etag: bytes) -> bool:
    """Whether the browser has this content already (weak comparison, RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    tags = (tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b","))
    return any(tag in (etag, b"*") for tag in tags)
