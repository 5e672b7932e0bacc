"""The relay as most write it: FastAPI's own SSE and the openai SDK. Run: ``relay_fastapi.py PORT``."""

import os
import sys
from collections.abc import AsyncIterable
from typing import Any

import openai
import uvicorn
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse

app = FastAPI()
client = openai.AsyncOpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="k", timeout=None, max_retries=0)


@app.post("/relay", response_class=EventSourceResponse)
async def relay() -> AsyncIterable[dict[str, Any]]:
    stream = await client.chat.completions.create(model=os.environ["OPENAI_MODEL"], messages=[], stream=True)
    async for chunk in stream:
        yield {"text": chunk.choices[0].delta.content}
    yield {"done": True}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
