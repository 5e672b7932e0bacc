"""Actions whose handlers fail, and what they make of it with ``handle_server_error``."""

from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from streamactions import Stream, create_action_error, define_middleware, define_stream_action

SENDABLE = {"text": "sent"}


def _secret(input: dict[str, Any]) -> LookupError:
    return LookupError(f"secret {input['run']}")


@define_stream_action
async def raises_first(input: dict[str, Any], stream: Stream) -> None:
    """Fail before the first chunk."""
    raise _secret(input)


@define_stream_action
async def raises_later(input: dict[str, Any], stream: Stream) -> None:
    """Fail after a chunk."""
    await stream.send(SENDABLE)
    raise _secret(input)


@define_stream_action
async def generator_raises(input: dict[str, Any]) -> AsyncIterator[Any]:
    """Fail after a chunk, as a generator."""
    yield SENDABLE
    raise _secret(input)


@define_stream_action
async def raises_after_close(input: dict[str, Any], stream: Stream) -> None:
    """Fail when the stream is complete already."""
    await stream.send(SENDABLE)
    await stream.close()
    raise _secret(input)


class Token(BaseModel):
    """A chunk's shape."""

    text: str


@define_stream_action(output=Token)
async def sends_wrong_shape(input: dict[str, Any], stream: Stream) -> None:
    """Send what the output type takes, then what it refuses."""
    await stream.send(SENDABLE)
    await stream.send({"text": [f"secret {input['run']}"]})


@define_stream_action
async def sends_unsendable(input: dict[str, Any], stream: Stream) -> None:
    """Send what JSON cannot hold."""
    await stream.send(SENDABLE)
    await stream.send({"text": object()})


@define_stream_action(dialect="nuxt-actions")
async def sends_reserved(stream: Stream) -> None:
    """Send what readers of this dialect take for the end."""
    await stream.send(SENDABLE)
    await stream.send({"__actions_done": True})


def translate(error: Exception) -> Any:
    """What each test asks for, by the exception's only argument."""
    forms: dict[str, Any] = {
        "error": create_action_error("BUSY", "Try later", 503, {"a": ["b"]}),
        "mapping": {"code": "BUSY", "message": "Try later", "status_code": 503},
        "mapping without status": {"code": "BUSY", "message": "Try later"},
        "tuple": ("BUSY", "Try later", 503),
        "nothing": None,
    }
    return forms[error.args[0]]


async def translate_async(error: Exception) -> Any:
    """The same, awaited."""
    return translate(error)


async def raise_form(input: dict[str, Any], stream: Stream) -> None:
    """Fail with the form as the argument."""
    raise ValueError(input["form"])


async def raise_action_error(stream: Stream) -> None:
    """Raise what needs no translation."""
    raise create_action_error("OWN", "My own", 418)


@define_middleware
async def failing(event: Any) -> None:
    """Fail before the stream opens."""
    raise ValueError((await event.json())["form"])


translated = define_stream_action(raise_form, name="translated", handle_server_error=translate)
translated_async = define_stream_action(
    raise_form, name="translated-async", handle_server_error=translate_async
)
translated_setup = define_stream_action(
    raise_form, name="translated-setup", middleware=[failing], handle_server_error=translate
)
untranslated = define_stream_action(raise_action_error, name="untranslated", handle_server_error=translate)
