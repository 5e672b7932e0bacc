"""A relay: reads an OpenAI-compatible server's answer and sends it on, token by token, with its usage.

Run it with ``streamactions serve examples/relay.py``. The upstream is the server that
``OPENAI_BASE_URL`` names (with ``OPENAI_API_KEY`` and ``OPENAI_MODEL``); where that is not set, it
is llama.cpp's own HTTP server, started in this process with SmolLM2, see ``local_model.py``.

What goes wrong upstream reaches the client as one of a few codes, never as half an answer. A
client that leaves cancels the handler, which closes the upstream's connection: that stops the model.
"""

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from pydantic import BaseModel, Field

from streamactions import ActionError, Stream, StreamActions, create_action_error, define_stream_action
from streamactions.client import EventStream, HyperTransport, open_event_stream

FIRST_TOKEN_TIMEOUT_S: Final = float(os.environ.get("RELAY_FIRST_TOKEN_TIMEOUT_S", "60"))
"""A model may have to read a long prompt, or to wait for its turn."""

IDLE_TIMEOUT_S: Final = float(os.environ.get("RELAY_IDLE_TIMEOUT_S", "30"))
MAX_ANSWER_TOKENS: Final = 256


class Chat(BaseModel):
    """What a client sends."""

    prompt: str = Field(min_length=1, max_length=2000, examples=["Tell me a story about a lighthouse."])


class Upstream:
    """The server that answers, and the connections to it, which are kept from call to call."""

    def __init__(self) -> None:
        self.transport = HyperTransport()
        self._local_server: Any = None
        self._starting = asyncio.Lock()

    async def url(self) -> str:
        """The server's URL up to ``/v1``; starts the local server at the first call."""
        if url := os.environ.get("OPENAI_BASE_URL"):
            return url.rstrip("/")
        async with self._starting:
            if self._local_server is None:
                self._local_server = await asyncio.to_thread(start_local_server)
        return f"{self._local_server.listening_address}/v1"

    async def open_answer(self, prompt: str) -> AbstractAsyncContextManager[EventStream]:
        """The stream of one answer, as the server spells it."""
        key = os.environ.get("OPENAI_API_KEY")
        return open_event_stream(
            "POST",
            f"{await self.url()}/chat/completions",
            json={
                "model": os.environ.get("OPENAI_MODEL", "gpt-4o-mini"),
                "messages": [{"role": "user", "content": prompt}],
                "max_tokens": MAX_ANSWER_TOKENS,
                "stream": True,
                "stream_options": {"include_usage": True},
            },
            headers={"Authorization": f"Bearer {key}"} if key else None,
            end="[DONE]",
            first_event_timeout_s=FIRST_TOKEN_TIMEOUT_S,
            idle_timeout_s=IDLE_TIMEOUT_S,
            client=self.transport,
        )


upstream = Upstream()


@define_stream_action(input=Chat)
async def relay_chat(input: Chat, stream: Stream) -> None:
    """Send the answer's tokens on, and last of all what they cost."""
    usage = None

    def read_token(chunk: Any) -> dict[str, str] | None:
        nonlocal usage
        try:
            usage = chunk.get("usage") or usage
            if choices := chunk.get("choices"):
                token = choices[0]["delta"].get("content")
                return {"text": token} if token else None
            if "error" not in chunk:
                return None
        except (AttributeError, IndexError, KeyError, TypeError) as exc:
            raise create_action_error(
                "MODEL_FAILED", "The model's server sent no chat completion", 502
            ) from exc
        raise create_action_error("MODEL_FAILED", "The model failed within its answer", 502)

    try:
        async with await upstream.open_answer(input.prompt) as answer:
            await stream.send_each(answer.values(), read_token)
    except ActionError as exc:
        raise what_failed(exc) from exc
    if usage is not None:
        await stream.send({"usage": usage})


def what_failed(error: ActionError) -> ActionError:
    """An upstream's failure in this server's words: its own may hold what is none of a client's business."""
    match error.code, error.status_code:
        case "MODEL_FAILED", _:
            return create_action_error("UPSTREAM_FAILED", error.message, 502)
        case "CONNECTION_ERROR", _:
            return create_action_error("UPSTREAM_UNREACHABLE", "The model's server cannot be reached", 502)
        case "TIMEOUT_ERROR", _:
            return create_action_error("UPSTREAM_TIMEOUT", "The model's server took too long", 504)
        case "STREAM_INCOMPLETE", _:
            return create_action_error("UPSTREAM_CUT", "The model's server cut its answer", 502)
        case "HTTP_ERROR", 429 | 503:
            return create_action_error("UPSTREAM_BUSY", "The model's server is busy: try again later", 503)
        case "HTTP_ERROR", status if status < 500:
            return create_action_error("UPSTREAM_REFUSED", f"The model's server refused: HTTP {status}", 502)
    return create_action_error("UPSTREAM_FAILED", "The model's server failed", 502)


def start_local_server() -> Any:
    """llama.cpp's own HTTP server, on a free port of this machine; it ends with the process."""
    import xllamacpp  # type: ignore[import-untyped]

    from local_model import CONTEXT_TOKENS, MAX_PARALLEL_ANSWERS, find_model_file

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(find_model_file())
    parameters.n_parallel = MAX_PARALLEL_ANSWERS
    parameters.n_ctx = CONTEXT_TOKENS * MAX_PARALLEL_ANSWERS
    parameters.verbosity = 0
    parameters.port = 0
    return xllamacpp.Server(parameters)


app = StreamActions([relay_chat])
