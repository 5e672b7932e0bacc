"""The relay as most write it: FastAPI's own SSE and the openai SDK."""

from collections.abc import AsyncIterable
from typing import Any

import openai
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel

app = FastAPI()
client = openai.AsyncOpenAI(timeout=None, max_retries=0)


class Chat(BaseModel):
    prompt: str


@app.post("/relay", response_class=EventSourceResponse)
async def relay(chat: Chat) -> AsyncIterable[dict[str, Any]]:
    messages = [{"role": "user", "content": chat.prompt}]
    async for chunk in await client.chat.completions.create(model="none", messages=messages, stream=True):
        yield {"text": chunk.choices[0].delta.content}
    yield {"done": True}
