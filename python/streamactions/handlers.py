"""The types of handlers, for type checkers: which functions ``define_stream_action`` takes.

A handler takes any of five values by name, so there is one protocol for each choice of them. They are
generic in the type of the input and that of a chunk, so that ``input=`` and ``output=`` are held
against what the function says. Nothing here runs.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias, TypedDict, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from streamactions.dialects import Dialect
from streamactions.middleware import Middleware
from streamactions.stream import Stream
from streamactions.types import ChunkT, Context, InputT, OnDisconnect, ServerErrorHandler

__all__ = ["ActionOptions", "Handler"]

InputT_contra = TypeVar("InputT_contra", contravariant=True)
ChunkT_inv = TypeVar("ChunkT_inv")
ChunkT_co = TypeVar("ChunkT_co", covariant=True)


Yields: TypeAlias = AsyncIterable[ChunkT_inv | Mapping[str, Any]] | Iterable[ChunkT_inv | Mapping[str, Any]]
"""What a generator gives; ``output=`` makes its type of a mapping as well."""

Ends: TypeAlias = Awaitable[None] | Yields[ChunkT_inv] | None
"""What a handler with a stream gives: nothing, or further chunks."""


class _S(Protocol[ChunkT_inv]):
    def __call__(self, *, stream: Stream[ChunkT_inv]) -> Ends[ChunkT_inv]: ...


class _SC(Protocol[ChunkT_inv]):
    def __call__(self, *, stream: Stream[ChunkT_inv], ctx: Context) -> Ends[ChunkT_inv]: ...


class _SE(Protocol[ChunkT_inv]):
    def __call__(self, *, stream: Stream[ChunkT_inv], event: Request) -> Ends[ChunkT_inv]: ...


class _SR(Protocol[ChunkT_inv]):
    def __call__(self, *, stream: Stream[ChunkT_inv], response: Response) -> Ends[ChunkT_inv]: ...


class _SCE(Protocol[ChunkT_inv]):
    def __call__(self, *, stream: Stream[ChunkT_inv], ctx: Context, event: Request) -> Ends[ChunkT_inv]: ...


class _SCR(Protocol[ChunkT_inv]):
    def __call__(
        self, *, stream: Stream[ChunkT_inv], ctx: Context, response: Response
    ) -> Ends[ChunkT_inv]: ...


class _SER(Protocol[ChunkT_inv]):
    def __call__(
        self, *, stream: Stream[ChunkT_inv], event: Request, response: Response
    ) -> Ends[ChunkT_inv]: ...


class _SCER(Protocol[ChunkT_inv]):
    def __call__(
        self, *, stream: Stream[ChunkT_inv], ctx: Context, event: Request, response: Response
    ) -> Ends[ChunkT_inv]: ...


class _IS(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(self, *, input: InputT_contra, stream: Stream[ChunkT_inv]) -> Ends[ChunkT_inv]: ...


class _ISC(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(
        self, *, input: InputT_contra, stream: Stream[ChunkT_inv], ctx: Context
    ) -> Ends[ChunkT_inv]: ...


class _ISE(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(
        self, *, input: InputT_contra, stream: Stream[ChunkT_inv], event: Request
    ) -> Ends[ChunkT_inv]: ...


class _ISR(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(
        self, *, input: InputT_contra, stream: Stream[ChunkT_inv], response: Response
    ) -> Ends[ChunkT_inv]: ...


class _ISCE(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(
        self, *, input: InputT_contra, stream: Stream[ChunkT_inv], ctx: Context, event: Request
    ) -> Ends[ChunkT_inv]: ...


class _ISCR(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(
        self, *, input: InputT_contra, stream: Stream[ChunkT_inv], ctx: Context, response: Response
    ) -> Ends[ChunkT_inv]: ...


class _ISER(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(
        self, *, input: InputT_contra, stream: Stream[ChunkT_inv], event: Request, response: Response
    ) -> Ends[ChunkT_inv]: ...


class _ISCER(Protocol[InputT_contra, ChunkT_inv]):
    def __call__(
        self,
        *,
        input: InputT_contra,
        stream: Stream[ChunkT_inv],
        ctx: Context,
        event: Request,
        response: Response,
    ) -> Ends[ChunkT_inv]: ...


class _N(Protocol[ChunkT_co]):
    def __call__(self) -> Yields[ChunkT_co]: ...


class _C(Protocol[ChunkT_co]):
    def __call__(self, *, ctx: Context) -> Yields[ChunkT_co]: ...


class _E(Protocol[ChunkT_co]):
    def __call__(self, *, event: Request) -> Yields[ChunkT_co]: ...


class _R(Protocol[ChunkT_co]):
    def __call__(self, *, response: Response) -> Yields[ChunkT_co]: ...


class _CE(Protocol[ChunkT_co]):
    def __call__(self, *, ctx: Context, event: Request) -> Yields[ChunkT_co]: ...


class _CR(Protocol[ChunkT_co]):
    def __call__(self, *, ctx: Context, response: Response) -> Yields[ChunkT_co]: ...


class _ER(Protocol[ChunkT_co]):
    def __call__(self, *, event: Request, response: Response) -> Yields[ChunkT_co]: ...


class _CER(Protocol[ChunkT_co]):
    def __call__(self, *, ctx: Context, event: Request, response: Response) -> Yields[ChunkT_co]: ...


class _I(Protocol[InputT_contra, ChunkT_co]):
    def __call__(self, *, input: InputT_contra) -> Yields[ChunkT_co]: ...


class _IC(Protocol[InputT_contra, ChunkT_co]):
    def __call__(self, *, input: InputT_contra, ctx: Context) -> Yields[ChunkT_co]: ...


class _IE(Protocol[InputT_contra, ChunkT_co]):
    def __call__(self, *, input: InputT_contra, event: Request) -> Yields[ChunkT_co]: ...


class _IR(Protocol[InputT_contra, ChunkT_co]):
    def __call__(self, *, input: InputT_contra, response: Response) -> Yields[ChunkT_co]: ...


class _ICE(Protocol[InputT_contra, ChunkT_co]):
    def __call__(self, *, input: InputT_contra, ctx: Context, event: Request) -> Yields[ChunkT_co]: ...


class _ICR(Protocol[InputT_contra, ChunkT_co]):
    def __call__(self, *, input: InputT_contra, ctx: Context, response: Response) -> Yields[ChunkT_co]: ...


class _IER(Protocol[InputT_contra, ChunkT_co]):
    def __call__(self, *, input: InputT_contra, event: Request, response: Response) -> Yields[ChunkT_co]: ...


class _ICER(Protocol[InputT_contra, ChunkT_co]):
    def __call__(
        self, *, input: InputT_contra, ctx: Context, event: Request, response: Response
    ) -> Yields[ChunkT_co]: ...


Handler: TypeAlias = (
    _IS[InputT, ChunkT]
    | _S[ChunkT]
    | _SC[ChunkT]
    | _SE[ChunkT]
    | _SR[ChunkT]
    | _SCE[ChunkT]
    | _SCR[ChunkT]
    | _SER[ChunkT]
    | _SCER[ChunkT]
    | _ISC[InputT, ChunkT]
    | _ISE[InputT, ChunkT]
    | _ISR[InputT, ChunkT]
    | _ISCE[InputT, ChunkT]
    | _ISCR[InputT, ChunkT]
    | _ISER[InputT, ChunkT]
    | _ISCER[InputT, ChunkT]
    | _N[ChunkT]
    | _C[ChunkT]
    | _E[ChunkT]
    | _R[ChunkT]
    | _CE[ChunkT]
    | _CR[ChunkT]
    | _ER[ChunkT]
    | _CER[ChunkT]
    | _I[InputT, ChunkT]
    | _IC[InputT, ChunkT]
    | _IE[InputT, ChunkT]
    | _IR[InputT, ChunkT]
    | _ICE[InputT, ChunkT]
    | _ICR[InputT, ChunkT]
    | _IER[InputT, ChunkT]
    | _ICER[InputT, ChunkT]
)
"""A function that takes any of ``input``, ``stream``, ``ctx``, ``event`` and ``response``, or yields."""


class ActionOptions(TypedDict, total=False):
    """The options of ``define_stream_action`` beside the two types, as it explains them."""

    middleware: Iterable[Middleware | Callable[..., Awaitable[Any]]]
    metadata: Mapping[str, Any] | None
    handle_server_error: ServerErrorHandler | None
    name: str | None
    method: str
    on_disconnect: OnDisconnect
    dialect: str | Dialect | None
    keep_alive_s: float | None
    max_body_bytes: int | None
    body_timeout_s: float | None
