"""``examples/relay.py``: a real OpenAI-compatible server, and servers that fail in every way."""

import asyncio
import importlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parent.parent.parent
HANG_S: Final = 60.0
"""Loading a model and its first token take a while on a busy machine; a hang is a failure."""

for folder in (ROOT / "tests" / "client", ROOT / "examples"):
    sys.path.append(str(folder))

from scripted_server import (  # noqa: E402
    CHUNKED_HEAD,
    LAST_PIECE,
    Connection,
    Received,
    length_head,
    piece,
    scripted_server,
)

from streamactions.client import StreamHandle, use_stream_action  # noqa: E402
from streamactions.testing import InProcessTransport  # noqa: E402


def chunk(content: str) -> bytes:
    value = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": content}}]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


USAGE: Final = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
USAGE_CHUNK: Final = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
DONE: Final = b"data: [DONE]\n\n"


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("RELAY_FIRST_TOKEN_TIMEOUT_S", "0.3")
    monkeypatch.setenv("RELAY_IDLE_TIMEOUT_S", "0.3")
    module = importlib.import_module("relay")
    yield importlib.reload(module)
    del sys.modules["relay"]


@asynccontextmanager
async def opened(relay: ModuleType) -> AsyncIterator[StreamHandle[Any]]:
    transport = InProcessTransport(relay.app)
    try:
        yield use_stream_action("/relay-chat", base_url="http://testserver/api/_actions", client=transport)
    finally:
        await relay.upstream.transport.aclose()


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(HANG_S):
            await main()

    asyncio.run(bounded())


def call(
    relay: ModuleType, monkeypatch: pytest.MonkeyPatch, script: Callable[[Connection], Awaitable[None]]
) -> StreamHandle[Any]:
    """The handle after one call, whose upstream is a server with that script."""
    handles: list[StreamHandle[Any]] = []

    async def main() -> None:
        async with scripted_server(script) as url, opened(relay) as handle:
            monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1/")
            await handle.execute({"prompt": "Hi"})
            handles.append(handle)

    run(main)
    return handles[0]


def test_tokens_and_usage(relay: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_MODEL", "m")
    received: list[Received] = []

    async def script(connection: Connection) -> None:
        received.append(await connection.receive())
        body = chunk("a") + chunk("") + chunk("b") + USAGE_CHUNK + DONE
        await connection.send(CHUNKED_HEAD + piece(body) + LAST_PIECE)

    handle = call(relay, monkeypatch, script)
    assert (handle.error, handle.complete) == (None, True)
    assert handle.chunks == [{"text": "a"}, {"text": "b"}, {"usage": USAGE}]
    (request,) = received
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer k"
    sent = json.loads(request.body)
    assert (sent["model"], sent["messages"]) == ("m", [{"role": "user", "content": "Hi"}])
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})


SECRET: Final = b'{"error":{"message":"Incorrect API key provided: sk-secret"}}'


@pytest.mark.parametrize(
    ("answer", "tokens", "code", "status_code"),
    [
        (b"", [], "UPSTREAM_UNREACHABLE", 502),
        (length_head(2, b"401 Unauthorized", b"application/json") + b"{}", [], "UPSTREAM_REFUSED", 502),
        (
            length_head(len(SECRET), b"401 Unauthorized", b"application/json") + SECRET,
            [],
            "UPSTREAM_REFUSED",
            502,
        ),
        (length_head(2, b"429 Too Many Requests", b"application/json") + b"{}", [], "UPSTREAM_BUSY", 503),
        (length_head(2, b"503 Service Unavailable", b"text/plain") + b"no", [], "UPSTREAM_BUSY", 503),
        (length_head(2, b"500 Internal Server Error", b"text/plain") + b"no", [], "UPSTREAM_FAILED", 502),
        (length_head(2, content_type=b"application/json") + b"{}", [], "UPSTREAM_FAILED", 502),
        (CHUNKED_HEAD + piece(chunk("a")), ["a"], "UPSTREAM_CUT", 502),
        (CHUNKED_HEAD + piece(chunk("a")) + LAST_PIECE, ["a"], "UPSTREAM_CUT", 502),
        (
            CHUNKED_HEAD + piece(chunk("a") + b'data: {"error":{"code":500}}\n\n'),
            ["a"],
            "UPSTREAM_FAILED",
            502,
        ),
        (CHUNKED_HEAD + piece(chunk("a") + b"data: <html>\n\n"), ["a"], "UPSTREAM_FAILED", 502),
        (CHUNKED_HEAD + piece(chunk("a") + b"data: [1]\n\n"), ["a"], "UPSTREAM_FAILED", 502),
    ],
    ids=[
        "connect",
        "4xx",
        "4xx-with-words",
        "429",
        "503",
        "500",
        "no-stream",
        "cut",
        "no-done",
        "error-event",
        "not-json",
        "another-shape",
    ],
)
def test_failures(
    relay: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    tokens: list[str],
    code: str,
    status_code: int,
) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(answer)

    handle = call(relay, monkeypatch, script)
    assert handle.error is not None
    assert (handle.error.code, handle.error.status_code) == (code, status_code)
    assert "sk-secret" not in str(handle.error.to_wire())
    assert handle.chunks == [{"text": token} for token in tokens]


@pytest.mark.parametrize("stage", ["head", "first", "later"])
def test_a_silent_upstream_is_a_timeout_and_is_left(
    relay: ModuleType, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        if stage != "head":
            await connection.send(CHUNKED_HEAD)
        if stage == "later":
            await connection.send(piece(chunk("a")))
        await connection.wait_left()

    handle = call(relay, monkeypatch, script)
    assert handle.error is not None
    assert (handle.error.code, handle.error.status_code) == ("UPSTREAM_TIMEOUT", 504)


def test_a_reader_that_leaves_closes_the_upstream(relay: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "IDLE_TIMEOUT_S", HANG_S)

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(chunk("a")))
        await connection.wait_left()

    async def main() -> None:
        async with scripted_server(script) as url, opened(relay) as handle:
            monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
            async for value in handle.stream({"prompt": "Hi"}):
                assert value == {"text": "a"}
                break

    run(main)


def test_a_real_server(relay: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp's own HTTP server, which the relay starts where no other is named."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(relay, "FIRST_TOKEN_TIMEOUT_S", HANG_S)
    monkeypatch.setattr(relay, "IDLE_TIMEOUT_S", HANG_S)
    monkeypatch.setattr(relay, "MAX_ANSWER_TOKENS", 8)

    async def main() -> None:
        async with opened(relay) as handle:
            for _ in range(2):
                await handle.execute({"prompt": "Say hello."})
                assert (handle.error, handle.complete) == (None, True)
                *tokens, last = handle.chunks
                assert 1 <= len(tokens) <= 8
                assert all(isinstance(token["text"], str) for token in tokens)
                assert last["usage"]["completion_tokens"] == 8

    run(main)
