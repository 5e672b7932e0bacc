"""A transport without a network: each response plays a list of steps."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from streamactions.client import Request, Response


class Hang:
    """A step that never ends."""


HANG: Final = Hang()
DONE: Final = b"event: done\ndata: {}\n\n"


class FakeResponse:
    """Gives its steps in turn, then ``b""``; an exception is raised, `HANG` waits until it is cancelled."""

    def __init__(
        self,
        *steps: bytes | Exception | Hang,
        status: int = 200,
        content_type: str | None = "text/event-stream",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {
            **({} if content_type is None else {"content-type": content_type}),
            **(headers or {}),
        }
        self.steps = list(steps)
        self.hangs = asyncio.Event()
        self.closed = asyncio.Event()

    async def read(self) -> bytes:
        assert not self.closed.is_set()
        if not self.steps:
            return b""
        step = self.steps.pop(0)
        if isinstance(step, Hang):
            self.hangs.set()
            await asyncio.Event().wait()
        if isinstance(step, Exception):
            raise step
        assert isinstance(step, bytes)
        return step


class FakeTransport:
    """Answers each request with the next of its responses; an exception is raised instead."""

    def __init__(self, *responses: FakeResponse | Exception) -> None:
        self.responses = list(responses)
        self.requests: list[Request] = []

    @asynccontextmanager
    async def open_response(self, request: Request) -> AsyncIterator[Response]:
        self.requests.append(request)
        response = self.responses.pop(0)
        if isinstance(response, Exception):
            raise response
        try:
            yield response
        finally:
            response.closed.set()


def chunk(number: int) -> bytes:
    return b'data: {"n":%d}\n\n' % number
