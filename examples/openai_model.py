"""A language model behind an OpenAI-compatible server: its event stream, token by token.

A stream without the closing ``[DONE]`` was cut, so it ends in an error, never as a whole answer.
"""

import os
from collections.abc import AsyncGenerator
from typing import Self

import aiohttp

from streamactions import SSEDecoder, create_action_error

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
"""In seconds. An answer may be long, but not silent for long."""


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
            ActionError: the server refused (``MODEL_ERROR``) or cut its answer (``MODEL_INCOMPLETE``).
            aiohttp.ClientError: there is no connection.
        """
        request = {"model": self._model, "messages": [{"role": "user", "content": prompt}], "stream": True}
        decoder = SSEDecoder()
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, headers=self._headers) as session,
            session.post(self._url, json=request) as response,
        ):
            if response.status != 200:
                message = f"The model's server answered HTTP {response.status}"
                raise create_action_error("MODEL_ERROR", message, 502)
            async for data in response.content.iter_any():
                for event in decoder.feed(data):
                    if event.data == "[DONE]":
                        return
                    chunk = event.json()
                    if "error" in chunk:
                        raise create_action_error("MODEL_ERROR", "The model's server failed", 502)
                    token = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
                    if token:
                        yield token
        raise create_action_error("MODEL_INCOMPLETE", "The model's server cut its answer", 502)
