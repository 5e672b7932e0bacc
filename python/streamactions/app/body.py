"""The body of one request: read within its bounds, or what is left of it thrown away before a refusal."""

import asyncio
import copy
import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from streamactions.app.asgi import Receive, Scope
from streamactions.app.pulse import Pulse
from streamactions.errors import ActionError

__all__ = [
    "MAX_DRAIN_BYTES",
    "MAX_DRAIN_IDLE_S",
    "MAX_DRAIN_S",
    "Body",
    "BodyRules",
    "ClientLeftError",
]

MAX_DRAIN_BYTES: Final = 64 * 1024 * 1024
"""How much of a refused body is read and thrown away, so that a client that writes first and reads later
gets to its answer: a server that answers and closes makes its writing fail, and most look no further."""

MAX_DRAIN_S: Final = 10.0
"""How long that may take in all."""

MAX_DRAIN_IDLE_S: Final = 1.0
"""How long nothing may come: a client that waits for its answer writes no more."""

MAX_TOLD_CODING_BYTES: Final = 64
"""How much of a ``Content-Encoding`` that is not read a refusal repeats."""

_JSON: Final = b"application/json"
_JSON_SUFFIX: Final = re.compile(rb"application/[a-z0-9!#$&^_.+-]+\+json")
"""A restricted name (RFC 6838, 4.2) that ends so, and no list of media types."""

_NO_BODY_METHODS: Final = ("GET", "HEAD", "OPTIONS")


class ClientLeftError(Exception):
    """The client left before its request was read; nobody waits for an answer."""


class BodyRules(NamedTuple):
    """What a body has to be.

    Attributes:
        max_body_bytes: how large it may be.
        timeout_s: seconds that it may take to arrive as a whole; they count once the pulse has beaten.
        strict_content_type: whether a body that names no media type is refused. A page of another
            site may make a browser send such a one without asking (Fetch, "CORS-preflight request").
    """

    max_body_bytes: int
    timeout_s: float
    strict_content_type: bool


def _refuse_large(max_body_bytes: int) -> ActionError:
    return ActionError("PAYLOAD_TOO_LARGE", f"Request body is larger than {max_body_bytes} bytes", 413)


def _refuse_media_type() -> ActionError:
    return ActionError(
        "UNSUPPORTED_MEDIA_TYPE",
        "Request body must be JSON: send Content-Type: application/json",
        415,
        headers={"accept": "application/json"},
    )


def _refuse_coding(codings: bytes) -> ActionError:
    """A body that is compressed is not read: what it grows to would know no bound (RFC 9110, 8.4)."""
    return ActionError(
        "UNSUPPORTED_MEDIA_TYPE",
        f"Request body has the Content-Encoding {codings[:MAX_TOLD_CODING_BYTES].decode('latin-1')}, "
        "which is not read: send it as it is",
        415,
        # RFC 9110, 15.5.16.
        headers={"accept-encoding": "identity"},
    )


def _is_json(content_type: bytes) -> bool:
    """Whether it is JSON's media type or one that is JSON (RFC 6839, 3.1), whatever its parameters."""
    if content_type == _JSON:
        return True
    media_type = content_type.partition(b";")[0].strip(b" \t").lower()
    return media_type == _JSON or _JSON_SUFFIX.fullmatch(media_type) is not None


class Body:
    """The body of one request, read when it is asked for.

    Args:
        scope: the request's.
        receive: the server's, for this request.
        pulse: the running loop's.
    """

    __slots__ = (
        "_data",
        "_earlier",
        "_has_begun",
        "_has_left",
        "_is_over",
        "_is_reading",
        "_pulse",
        "_receive",
        "_refusal",
        "_scope",
    )

    def __init__(self, scope: Scope, receive: Receive, pulse: Pulse) -> None:
        self._scope = scope
        self._receive = receive
        self._pulse = pulse
        self._data: bytes | None = None
        # What was read of a body whose reader was cancelled: the next one goes on from there.
        self._earlier: bytearray | None = None
        self._refusal: ActionError | None = None
        self._has_begun = False
        self._has_left = False
        self._is_over = False
        self._is_reading = False

    async def read(self, rules: BodyRules | None) -> bytes:
        """The whole body of a JSON request; read once, however often it is asked for.

        Without rules there is none to read, whatever is sent. An empty body needs no media type, because
        it says nothing that could be mistaken.

        Raises:
            ActionError: it is too large (413; found before the rest is read), not JSON or in a coding
                (415), or too slow (408).
            ClientLeftError: the client left while it was sending.
            RuntimeError: another task reads it at this moment.
        """
        if rules is None:
            return b""
        if self._data is not None:
            return self._data
        if self._has_left:
            raise ClientLeftError
        if self._refusal is not None:
            raise copy.copy(self._refusal)
        if self._is_reading:
            raise RuntimeError("another task reads the body: await event.body() in one task of a middleware")
        self._is_reading = True
        try:
            self._data = await self._read(rules)
        except ActionError as error:
            # One that was raised holds the frames that it has passed.
            self._refusal = copy.copy(error)
            raise
        finally:
            self._is_reading = False
        return self._data

    async def drain(self) -> bool:
        """Read on and throw away, for a client that still writes what was refused.

        Returns whether the client is still there, as far as is known.

        It ends with the body, with the client, at ``MAX_DRAIN_BYTES``, after ``MAX_DRAIN_S``, or where
        nothing comes for ``MAX_DRAIN_IDLE_S``. A client that asks before it sends (RFC 9110, 10.1.1), or
        that means to send more than the bound, is not made to begin.
        """
        if not self._is_to_come():
            return not self._has_left
        self._earlier = None
        loop = asyncio.get_running_loop()
        drained_bytes = 0
        try:
            async with asyncio.timeout(MAX_DRAIN_S), asyncio.timeout(MAX_DRAIN_IDLE_S) as idle:
                while not self._is_over and drained_bytes <= MAX_DRAIN_BYTES:
                    drained_bytes += len(await self._next_piece())
                    idle.reschedule(loop.time() + MAX_DRAIN_IDLE_S)
        except TimeoutError:
            # It waits for its answer, or is told in the midst of its writing.
            return True
        except ClientLeftError:
            return False
        return True

    def _is_to_come(self) -> bool:
        """Whether there is more of it, which a client sends without being asked."""
        if self._is_over or self._has_left or self._is_reading:
            return False
        if self._refusal is not None and self._refusal.status_code == HTTPStatus.REQUEST_TIMEOUT:
            return False
        headers = dict(self._scope["headers"])
        if not self._has_begun and headers.get(b"expect", b"").lower() == b"100-continue":
            return False
        length = headers.get(b"content-length")
        if length is not None and length.isdigit():
            return 0 < int(length) <= MAX_DRAIN_BYTES
        if self._scope["http_version"].startswith("1"):
            return b"transfer-encoding" in headers
        return self._scope["method"] not in _NO_BODY_METHODS

    async def _next_piece(self) -> bytes:
        self._has_begun = True
        message = await self._receive()
        if message["type"] != "http.request":
            self._has_left = True
            raise ClientLeftError
        self._is_over = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece

    async def _read(self, rules: BodyRules) -> bytes:
        expected_bytes = None
        is_json = not rules.strict_content_type
        names_other_type = False
        codings = b""
        for name, value in self._scope["headers"]:
            if name == b"content-length" and value.isdigit():
                expected_bytes = int(value)
            elif name == b"content-encoding":
                codings = codings + b", " + value if codings else value
            elif name == b"content-type":
                is_json = True
                # What one reader takes from the first of two headers, another takes from the last.
                names_other_type = names_other_type or not _is_json(value)
        if expected_bytes == 0:
            self._is_over = True
            return b""
        refusal: Callable[[], ActionError] | None = None
        if codings and codings.lower() != b"identity":
            refusal = partial(_refuse_coding, codings)
        elif not is_json or names_other_type:
            refusal = _refuse_media_type
        if expected_bytes is not None:
            if expected_bytes > rules.max_body_bytes:
                raise _refuse_large(rules.max_body_bytes)
            if refusal is not None:
                raise refusal()
        wait = _Wait(rules.timeout_s)
        self._pulse.call_when_settled(wait.limit)
        try:
            return await self._read_pieces(expected_bytes, rules.max_body_bytes, refusal=refusal)
        except asyncio.CancelledError:
            if not wait.has_ended_it():
                raise
            raise ActionError(
                "REQUEST_TIMEOUT", f"Request body did not arrive within {rules.timeout_s:g} s", 408
            ) from None
        finally:
            wait.end()

    async def _read_pieces(
        self, expected_bytes: int | None, max_body_bytes: int, *, refusal: Callable[[], ActionError] | None
    ) -> bytes:
        while True:
            piece = await self._next_piece()
            earlier = self._earlier
            read_bytes = len(piece) if earlier is None else len(earlier) + len(piece)
            # A server may need another call to say that there is nothing more; the length says it too.
            self._is_over = self._is_over or read_bytes == expected_bytes
            if read_bytes > max_body_bytes:
                raise _refuse_large(max_body_bytes)
            if piece and refusal is not None:
                raise refusal()
            if self._is_over:
                return piece if earlier is None else bytes(earlier + piece)
            if earlier is None:
                # No list: a body in pieces of one byte would take forty times its size.
                self._earlier = earlier = bytearray()
            earlier += piece


class _Wait:
    """The wait of the running task for a body: ``asyncio.timeout``, whose timer comes only when it is needed.

    A timer costs as much as reading a body that is there already, as nearly every one is.
    """

    __slots__ = ("_cancelling", "_has_expired", "_is_over", "_task", "_timeout_s", "_timer")

    def __init__(self, timeout_s: float) -> None:
        task = asyncio.current_task()
        assert task is not None, "servers call an app in a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._has_expired = False
        self._is_over = False

    def limit(self) -> None:
        """Give it an end, if it is not over."""
        if not self._is_over:
            self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._expire)

    def _expire(self) -> None:
        self._has_expired = True
        self._task.cancel()

    def has_ended_it(self) -> bool:
        """Whether the task was cancelled by this wait alone; then it is no longer."""
        return self._has_expired and self._task.uncancel() <= self._cancelling

    def end(self) -> None:
        """It is over."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
