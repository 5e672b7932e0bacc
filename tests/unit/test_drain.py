"""What is left of a refused body is thrown away, within bounds of bytes and time."""

import asyncio
from typing import Any

import pytest

from streamactions.app import body as bodies
from streamactions.app.body import Body, BodyRules, ClientLeftError
from streamactions.app.pulse import Pulse
from streamactions.errors import ActionError

PIECE = b"x" * 1000


class Writer:
    """A client that goes on writing, a piece a turn of the loop."""

    def __init__(self, pieces: int | None = None, then: str = "ends") -> None:
        self.pieces = pieces
        self.then = then
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.pieces is not None and self.taken >= self.pieces:
            if self.then == "waits":
                await asyncio.get_running_loop().create_future()
            if self.then == "leaves":
                return {"type": "http.disconnect"}
        self.taken += 1
        has_more = self.pieces is None or self.taken < self.pieces or self.then != "ends"
        return {"type": "http.request", "body": PIECE, "more_body": has_more}


def drain(writer: Writer, *fields: tuple[bytes, bytes], **scope: Any) -> bool:
    async def main() -> bool:
        headers = list(fields) or [(b"transfer-encoding", b"chunked")]
        request = {"method": "POST", "http_version": "1.1", "headers": headers} | scope
        return await Body(request, writer, Pulse(asyncio.get_running_loop(), 15)).drain()

    return asyncio.run(main())


def test_it_ends_with_the_body() -> None:
    writer = Writer(5)
    assert drain(writer)
    assert writer.taken == 5


def test_it_ends_at_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_DRAIN_BYTES", 10 * len(PIECE))
    writer = Writer()
    assert drain(writer)
    assert writer.taken == 11


def test_it_ends_after_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_DRAIN_BYTES", float("inf"))
    monkeypatch.setattr(bodies, "MAX_DRAIN_S", 0.01)
    assert drain(Writer())


def test_it_ends_where_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_DRAIN_IDLE_S", 0.01)
    writer = Writer(3, "waits")
    assert drain(writer)
    assert writer.taken == 3


def test_it_tells_that_the_client_has_left() -> None:
    assert not drain(Writer(3, "leaves"))


@pytest.mark.parametrize(
    ("fields", "scope"),
    [
        ([(b"content-length", b"0")], {}),
        ([(b"content-length", b"%d" % (bodies.MAX_DRAIN_BYTES + 1))], {}),
        ([(b"content-length", b"1000"), (b"expect", b"100-Continue")], {}),
        ([(b"host", b"test")], {}),
        ([(b"host", b"test")], {"http_version": "2", "method": "GET"}),
    ],
)
def test_nothing_is_read_where_none_comes_unasked(
    fields: list[tuple[bytes, bytes]], scope: dict[str, Any]
) -> None:
    writer = Writer()
    assert drain(writer, *fields, **scope)
    assert writer.taken == 0


def test_http2_needs_no_length() -> None:
    writer = Writer(2)
    assert drain(writer, (b"host", b"test"), http_version="2")
    assert writer.taken == 2


def test_a_body_that_was_refused_stays_refused_and_one_that_is_read_is_kept() -> None:
    async def main() -> None:
        pulse = Pulse(asyncio.get_running_loop(), 15)
        scope = {
            "method": "POST",
            "http_version": "1.1",
            "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")],
        }
        refused = Body(scope, Writer(3), pulse)
        for _ in range(2):
            with pytest.raises(ActionError, match="PAYLOAD_TOO_LARGE"):
                await refused.read(BodyRules(1500, 5, True))
        kept = Body(scope, Writer(3), pulse)
        assert [await kept.read(BodyRules(5000, 5, True)) for _ in range(2)] == [3 * PIECE] * 2
        left = Body(scope, Writer(1, "leaves"), pulse)
        for _ in range(2):
            with pytest.raises(ClientLeftError):
                await left.read(BodyRules(5000, 5, True))

    asyncio.run(main())


def test_a_reader_that_was_interrupted_loses_nothing() -> None:
    async def main() -> None:
        scope = {
            "method": "POST",
            "http_version": "1.1",
            "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")],
        }
        body = Body(scope, Writer(3), Pulse(asyncio.get_running_loop(), 15))
        first = asyncio.ensure_future(body.read(BodyRules(5000, 5, True)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task reads the body"):
            await body.read(BodyRules(5000, 5, True))
        first.cancel()
        await asyncio.wait((first,))
        assert first.cancelled()
        assert await body.read(BodyRules(5000, 5, True)) == 3 * PIECE

    asyncio.run(main())
