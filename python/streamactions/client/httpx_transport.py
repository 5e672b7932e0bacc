"""The transport for a caller's own ``httpx.AsyncClient`` or ``httpx2.AsyncClient``.

Strategy: the two share their shape, and neither is a dependency of this package, so the library
is looked up by the client that was passed in and never imported for any other reason.
"""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, TypeAlias

from streamactions.client.transport import BodyBrokenError, ConnectFailedError, Request, Response
from streamactions.errors import DefinitionError

__all__ = ["HttpxTransport"]

LIBRARIES: Final = ("httpx", "httpx2")

Errors: TypeAlias = tuple[type[Exception], ...]


class HttpxTransport:
    """Requests through the caller's client, which is never closed here.

    Everything that the client is configured with holds, except its ``read`` timeout: five seconds
    by default, it would cut every stream that pauses, and a stream has the call's own limits. Bodies
    are taken as they come: httpx would inflate each read without a bound.

    Raises:
        DefinitionError: ``client`` is no ``AsyncClient`` of httpx or httpx2.
    """

    def __init__(self, client: Any) -> None:
        library = library_of(client)
        if library is None:
            raise DefinitionError(f"expected an httpx.AsyncClient or httpx2.AsyncClient, not {client!r}")
        self._client = client
        module: Any = sys.modules[library]
        self._errors: Errors = (module.RequestError, module.InvalidURL, module.StreamError, OSError)

    @asynccontextmanager
    async def open_response(self, request: Request) -> AsyncIterator[Response]:
        """Send the request; see `Transport.open_response`."""
        limits = self._client.timeout
        try:
            response = await self._client.send(
                self._client.build_request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    content=request.body,
                    timeout=type(limits)(
                        connect=limits.connect, read=None, write=limits.write, pool=limits.pool
                    ),
                ),
                stream=True,
            )
        except self._errors as exc:
            raise ConnectFailedError(str(exc) or type(exc).__name__) from exc
        try:
            async with aclosing(response.aiter_raw()) as body:
                yield _HttpxResponse(response, body, self._errors)
        finally:
            await response.aclose()


class _HttpxResponse:
    def __init__(self, response: Any, body: AsyncGenerator[bytes, None], errors: Errors) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._body = body
        self._errors = errors

    async def read(self) -> bytes:
        try:
            async for data in self._body:
                if data:
                    return data
        except self._errors as exc:
            raise BodyBrokenError(str(exc) or type(exc).__name__) from exc
        return b""


def library_of(client: object) -> str | None:
    """Which library's ``AsyncClient`` this is, subclasses included; ``None`` for anything else."""
    for base in type(client).__mro__:
        library = base.__module__.partition(".")[0]
        if base.__name__ == "AsyncClient" and library in LIBRARIES:
            return library
    return None
