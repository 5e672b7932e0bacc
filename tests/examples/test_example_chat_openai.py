"""``examples/chat.py`` with an OpenAI-compatible server: llama.cpp's own, and one that a test scripts."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Final

import pytest
import xllamacpp  # type: ignore[import-untyped]

import openai_model
from cli.commands import serve
from cli.peer import HEAD, Peer, chunk, open_peer
from examples.calls import EXAMPLES, call
from local_model import find_model_file
from openai_model import OpenAIModel
from streamactions import ActionError

PATH: Final = "/api/_actions/ai-chat"
KEY: Final = "a-key"
MODEL: Final = "a-model"
INPUT: Final = {"prompt": "Say hello."}


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(find_model_file())
    parameters.n_ctx = 2048
    parameters.n_predict = 32
    parameters.verbosity = 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.api_keys = [KEY]
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"
    # It serves for as long as somebody holds it.
    del server


def call_with(base_url: str, key: str = KEY) -> tuple[str, ActionError | None]:
    env = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": key, "OPENAI_MODEL": MODEL}
    with serve(EXAMPLES / "chat.py", env=env) as served:
        chunks, error = call(served.url + PATH, INPUT)
    return "".join(chunk["text"] for chunk in chunks), error


def test_the_servers_tokens_are_sent_on(model_url: str) -> None:
    text, error = call_with(model_url)
    assert error is None
    assert text


def test_a_server_that_refuses_is_named(model_url: str) -> None:
    text, error = call_with(model_url, key="another-key")
    assert text == ""
    assert error is not None
    assert (error.code, error.message) == ("MODEL_ERROR", "The model's server answered HTTP 401")


def test_a_server_that_nobody_runs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text, error = call_with(f"http://127.0.0.1:{port}/v1")
    assert text == ""
    assert error is not None
    assert (error.code, error.message) == ("MODEL_UNREACHABLE", "The model's server cannot be reached")


def call_scripted(*sent: bytes) -> tuple[str, ActionError | None, bytes, bytes]:
    """What a call gives whose server sends these bytes and then closes; and the request's head and body."""
    received: list[bytes] = []

    def answer(peer: Peer) -> None:
        received.extend(peer.receive())
        peer.send(b"".join(sent))
        peer.close()

    with open_peer() as peer:
        thread = threading.Thread(target=answer, args=(peer,))
        thread.start()
        text, error = call_with(peer.url)
        thread.join()
    head, body = received
    return text, error, head, body


TOKEN: Final = chunk('{"choices":[{"delta":{"content":"Hi"}}]}')


def test_what_is_asked_for() -> None:
    empty, end = chunk('{"choices":[]}'), b"data: [DONE]\n\n"
    text, error, head, body = call_scripted(
        HEAD, chunk('{"choices":[{"delta":{"role":"assistant"}}]}'), TOKEN, empty, end
    )
    assert (text, error) == ("Hi", None)
    assert b"POST /api/_actions/test/chat/completions HTTP/1.1" in head
    assert b"authorization: bearer a-key" in head.lower()
    assert json.loads(body) == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (b"", "MODEL_INCOMPLETE"),
        (chunk('{"error":{"message":"internal detail"}}'), "MODEL_ERROR"),
        (chunk('["internal detail"]'), "MODEL_ERROR"),
        (chunk("<p>internal detail"), "MODEL_ERROR"),
    ],
    ids=["cut", "error", "no-completion", "not-json"],
)
def test_an_answer_that_breaks_off_is_not_complete(end: bytes, code: str) -> None:
    text, error, _, _ = call_scripted(HEAD, TOKEN, end)
    assert text == "Hi"
    assert error is not None
    assert error.code == code
    assert "detail" not in error.message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\ninternal detail", "The model's server failed"),
        (
            b'HTTP/1.1 400 Bad Request\r\n\r\n{"code":"DETAIL","message":"internal detail"}',
            "The model's server answered HTTP 400",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\ninternal detail", "The model's server failed"),
    ],
    ids=["failed", "refused", "html"],
)
def test_an_answer_that_is_no_stream(answer: bytes, message: str) -> None:
    text, error, _, _ = call_scripted(answer)
    assert text == ""
    assert error is not None
    assert (error.code, error.message) == ("MODEL_ERROR", message)


def test_a_server_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_model, "IDLE_TIMEOUT_S", 0.2)

    def answer(peer: Peer) -> None:
        peer.receive()
        peer.send(HEAD + TOKEN)
        peer.wait_left()

    async def read(url: str) -> None:
        tokens = OpenAIModel(url, KEY, MODEL).answer("Hi")
        assert await anext(tokens) == "Hi"
        await anext(tokens)

    with open_peer() as peer:
        thread = threading.Thread(target=answer, args=(peer,))
        thread.start()
        with pytest.raises(ActionError) as caught:
            asyncio.run(read(peer.url))
        thread.join()
    assert (caught.value.code, caught.value.status_code) == ("MODEL_TIMEOUT", 504)
