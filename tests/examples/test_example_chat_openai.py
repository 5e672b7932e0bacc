"""``examples/chat.py`` with an OpenAI-compatible server: llama.cpp's own, and one that a test scripts."""

import threading
from collections.abc import Iterator
from typing import Final

import pytest
import xllamacpp  # type: ignore[import-untyped]

from cli.commands import serve
from cli.peer import HEAD, Peer, chunk, open_peer
from examples.calls import EXAMPLES, call
from local_model import find_model_file
from streamactions import ActionError

PATH: Final = "/api/_actions/ai-chat"
KEY: Final = "a-key"
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
    with serve(EXAMPLES / "chat.py", env={"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": key}) as served:
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


def call_scripted(*frames: bytes) -> tuple[str, ActionError | None, bytes]:
    received: list[bytes] = []

    def answer(peer: Peer) -> None:
        received.extend(peer.receive())
        peer.send(HEAD + b"".join(frames))
        peer.close()

    with open_peer() as peer:
        thread = threading.Thread(target=answer, args=(peer,))
        thread.start()
        text, error = call_with(peer.url)
        thread.join()
    return text, error, b"\n".join(received)


TOKEN: Final = chunk('{"choices":[{"delta":{"content":"Hi"}}]}')


def test_what_is_asked_for() -> None:
    empty, end = chunk('{"choices":[]}'), b"data: [DONE]\n\n"
    text, error, request = call_scripted(
        chunk('{"choices":[{"delta":{"role":"assistant"}}]}'), TOKEN, empty, end
    )
    assert (text, error) == ("Hi", None)
    assert b"POST /api/_actions/test/chat/completions HTTP/1.1" in request
    assert b"authorization: bearer a-key" in request.lower()
    assert b'"messages": [{"role": "user", "content": "Say hello."}], "stream": true' in request


@pytest.mark.parametrize(
    ("frame", "code"),
    [(b"", "MODEL_INCOMPLETE"), (chunk('{"error":{"message":"internal detail"}}'), "MODEL_ERROR")],
)
def test_an_answer_that_breaks_off_is_not_complete(frame: bytes, code: str) -> None:
    text, error, _ = call_scripted(TOKEN, frame)
    assert text == "Hi"
    assert error is not None
    assert error.code == code
    assert "detail" not in error.message
