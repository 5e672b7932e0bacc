"""The actions of ``server/actions``, written in Python, for a client that is ``nuxt-actions`` itself."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Any, Final, LiteralString, NoReturn

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from streamactions import (
    Stream,
    StreamActions,
    create_action_error,
    define_middleware,
    define_stream_action,
)


def require(is_allowed: Callable[[Any], bool], message: LiteralString) -> AfterValidator:
    """Refuse a value in the words of the app instead of pydantic's."""

    def check(value: Any) -> Any:
        if not is_allowed(value):
            raise PydanticCustomError("refused", message)
        return value

    return AfterValidator(check)


class Chat(BaseModel):
    prompt: Annotated[
        str,
        require(bool, "Prompt is required"),
        require(lambda prompt: len(prompt) <= 200, "Prompt is too long"),
    ]


@define_stream_action(input=Chat)
async def ai_chat(input: Chat, stream: Stream) -> None:
    for word in f"You said: {input.prompt}".split(" "):
        await stream.send({"text": word + " "})
        await asyncio.sleep(0.02)


class Files(BaseModel):
    file_ids: Annotated[list[str], require(bool, "No files"), Field(alias="fileIds")]


@define_stream_action(input=Files)
async def process_files(input: Files, stream: Stream) -> None:
    total = len(input.file_ids)
    for current, file_name in enumerate(input.file_ids, start=1):
        await asyncio.sleep(0.02)
        progress = round(current / total * 100)
        await stream.send({"progress": progress, "current": current, "total": total, "fileName": file_name})


@define_middleware
async def limit() -> NoReturn:
    raise create_action_error("RATE_LIMITED", "Too many requests", 429)


@define_stream_action(middleware=[limit])
async def limited(stream: Stream) -> None:
    await stream.send({"text": "never "})


@define_stream_action
async def fail_midway(input: Any, stream: Stream) -> None:
    await stream.send({"text": "Half "})
    if input["prompt"] == "typed":
        raise create_action_error("QUOTA_EXCEEDED", "The quota is used up", 402)
    raise RuntimeError("details that no client may see")


_left: Final = asyncio.Semaphore(0)


@define_stream_action
async def endless(stream: Stream) -> None:
    try:
        while True:
            await stream.send({"text": "more "})
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        _left.release()
        raise


@define_stream_action
async def left(stream: Stream) -> None:
    """Wait until one more reader of ``endless`` has left."""
    await _left.acquire()
    await stream.send(True)


class Report(BaseModel):
    topic: str
    parts: int


@define_stream_action(input=Report, name="reports/summary", method="GET")
async def summary(input: Report) -> AsyncGenerator[dict[str, str], None]:
    for part in range(1, input.parts + 1):
        yield {"text": f"{input.topic} {part} "}


app = StreamActions(
    [ai_chat, process_files, limited, fail_midway, endless, left, summary], dialect="nuxt-actions"
)
