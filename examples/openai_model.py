"""A language model behind an OpenAI-compatible server: its event stream, token by token.

A stream without the closing ``[DONE]`` was cut, so it ends in an error, never as a whole answer.
"""

import os
from collections.abc import AsyncGenerator
from typing import Any, Final, Self

from streamactions import ActionError, create_action_error
from streamactions.client import open_event_stream

IDLE_TIMEOUT_S: Final = 120.0
"""An answer may be long, but not silent for long."""


class OpenAIModel:
    """Answers prompts with the model of a server.

    Args:
        base_url: the server's URL up to ``/v1``.
        api_key: sent as a bearer token; empty for a server that asks for none.
        model: the model's name.
    """

    def __init__(self, base_url: str, api_key: str, model: str) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._model = model

    @classmethod
    def from_environment(cls) -> Self:
        """The model that ``OPENAI_BASE_URL``, ``OPENAI_API_KEY`` and ``OPENAI_MODEL`` name."""
        return cls(
            os.environ["OPENAI_BASE_URL"],
            os.environ.get("OPENAI_API_KEY", ""),
            os.environ.get("OPENAI_MODEL", "gpt-4o-mini"),
        )

    async def answer(self, prompt: str) -> AsyncGenerator[str, None]:
        """The model's answer, token by token. Closing the generator closes the connection.

        Raises:
            ActionError: the server cannot be reached (``MODEL_UNREACHABLE``), refused or failed
                (``MODEL_ERROR``), fell silent (``MODEL_TIMEOUT``), or cut its answer
                (``MODEL_INCOMPLETE``).
        """
        request = {"model": self._model, "messages": [{"role": "user", "content": prompt}], "stream": True}
        try:
            async with open_event_stream(
                "POST",
                self._url,
                json=request,
                headers=self._headers,
                end="[DONE]",
                idle_timeout_s=IDLE_TIMEOUT_S,
            ) as stream:
                async for chunk in stream.values():
                    if token := read_token(chunk):
                        yield token
        except ActionError as exc:
            raise what_failed(exc) from exc


def read_token(chunk: Any) -> str | None:
    """The token that a chunk holds, if any.

    Raises:
        ActionError: it is an error, or no chat completion.
    """
    try:
        if "error" not in chunk:
            choices = chunk.get("choices")
            return choices[0]["delta"].get("content") if choices else None
    except (AttributeError, IndexError, KeyError, TypeError) as exc:
        raise create_action_error("INVALID_CHUNK", "The model's server sent no chat completion", 502) from exc
    raise create_action_error("INVALID_CHUNK", "The model's server failed within its answer", 502)


def what_failed(error: ActionError) -> ActionError:
    """A failure in words for the caller: the server's own may hold what is none of a caller's business."""
    match error.code, error.status_code:
        case "CONNECTION_ERROR", _:
            return create_action_error("MODEL_UNREACHABLE", "The model's server cannot be reached", 502)
        case "TIMEOUT_ERROR", _:
            return create_action_error("MODEL_TIMEOUT", "The model's server took too long", 504)
        case "STREAM_INCOMPLETE", _:
            return create_action_error("MODEL_INCOMPLETE", "The model's server cut its answer", 502)
        case _, status if status < 500:
            return create_action_error("MODEL_ERROR", f"The model's server answered HTTP {status}", 502)
    return create_action_error("MODEL_ERROR", "The model's server failed", 502)
