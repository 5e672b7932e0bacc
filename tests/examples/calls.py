"""Calling an example that is served, from this process."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, TypeAlias

from cli.commands import BOUND_S
from streamactions import ActionError, use_stream_action

__all__ = ["EXAMPLES", "call", "take"]

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"


Outcome: TypeAlias = tuple[list[Any], ActionError | None]


def call(url: str, input: Any, headers: Mapping[str, str] | None = None) -> Outcome:
    """All the chunks of a call, and its error if it had one."""

    async def run() -> Outcome:
        handle = use_stream_action(url, headers=headers, timeout=BOUND_S)
        await handle.execute(input)
        return handle.chunks, handle.error

    return asyncio.run(run())


def take(url: str, input: Any, count: int) -> list[Any]:
    """The first chunks of a call, which is then left."""

    async def run() -> list[Any]:
        taken: list[Any] = []
        async with aclosing(use_stream_action(url, timeout=BOUND_S).stream(input)) as chunks:
            async for chunk in chunks:
                taken.append(chunk)
                if len(taken) == count:
                    break
        return taken

    return asyncio.run(run())
