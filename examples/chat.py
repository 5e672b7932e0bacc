"""Chat with a real language model: each token is sent as the model finds it.

Run it with ``streamactions serve examples/chat.py`` and open the link that it prints: the page is in
``chat_page``. The model runs inside the server, see ``local_model.py``; where ``OPENAI_BASE_URL`` is
set, that server's model answers, see ``openai_model.py``.
"""

import os
from contextlib import aclosing
from pathlib import Path

from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from local_model import LocalModel
from openai_model import OpenAIModel
from streamactions import Stream, StreamActions, define_stream_action

model = OpenAIModel.from_environment() if os.environ.get("OPENAI_BASE_URL") else LocalModel()


class Chat(BaseModel):
    """What a client sends."""

    prompt: str = Field(min_length=1, max_length=2000, examples=["Tell me a story about a lighthouse."])


@define_stream_action(input=Chat)
async def ai_chat(input: Chat, stream: Stream) -> None:
    """Answer a prompt, token by token. A client that leaves stops the model."""
    async with aclosing(model.answer(input.prompt)) as tokens:
        async for token in tokens:
            await stream.send({"text": token})


app = Starlette(
    routes=[
        Mount("/api/_actions", StreamActions([ai_chat], prefix="")),
        Mount("/", StaticFiles(directory=Path(__file__).parent / "chat_page", html=True)),
    ]
)
