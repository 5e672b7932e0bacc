"""What to call: a URL, or an action whose path, method, types and dialect are taken over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable
from urllib.parse import quote

from pydantic import TypeAdapter

from streamactions.client.url import is_absolute, read_url, show_url
from streamactions.dialects import Dialect
from streamactions.errors import DefinitionError
from streamactions.types import ChunkT

__all__ = ["ActionTarget", "Target", "resolve_target"]

METHODS: Final = ("POST", "GET", "PUT", "PATCH", "DELETE")


@runtime_checkable
class ActionTarget(Protocol[ChunkT]):
    """What a client needs to know of an action; a ``StreamAction`` has it."""

    @property
    def name(self) -> str:
        """The last part of the path, such as ``"ai-chat"``."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def input_adapter(self) -> TypeAdapter[Any] | None:
        """The type of the input, if the action names one."""

    @property
    def output_adapter(self) -> TypeAdapter[ChunkT] | None:
        """The type of a chunk, if the action names one."""

    @property
    def dialect(self) -> Dialect | None:
        """The dialect, if the action names one; else its app decides."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target, resolved: where to send, and what is known of what goes and comes."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    input_adapter: TypeAdapter[Any] | None = None
    output_adapter: TypeAdapter[Any] | None = None
    dialect: Dialect | None = None


def resolve_target(
    target: str | ActionTarget, *, base_url: str | None, prefix: str, method: str | None
) -> Target:
    """Find the URL and take over what an action says of itself.

    Raises:
        DefinitionError: there is no absolute HTTP URL in it; the message says what to write.
    """
    if isinstance(target, str):
        address = read_url(_join(base_url, target))
        return Target(_check_method(method or "POST"), address.url, address.headers)
    if not isinstance(target, ActionTarget):
        raise DefinitionError(f"{target!r} cannot be called: pass a URL, a path or a StreamAction")
    address = read_url(_join(base_url, f"{prefix.rstrip('/')}/{quote(target.name)}"))
    return Target(
        _check_method(method or target.method),
        address.url,
        address.headers,
        target.input_adapter,
        target.output_adapter,
        target.dialect,
    )


def _check_method(method: str) -> str:
    if method.upper() not in METHODS:
        raise DefinitionError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    return method.upper()


def _join(base_url: str | None, path: str) -> str:
    """An absolute URL as it is; a path goes after all of ``base_url``, whose own path is kept."""
    if base_url is not None and not is_absolute(base_url):
        raise DefinitionError(f'base_url must be like "http://host:port", not {show_url(base_url)}')
    if is_absolute(path):
        return path
    if base_url is None:
        raise DefinitionError(
            f"{show_url(path)} is no absolute URL: "
            'write base_url="http://host:port", or the whole http(s) URL'
        )
    return f"{base_url.rstrip('/')}/{path.lstrip('/')}"
