"""What a user's function answers, whether it is sync, async, or hands another's coroutine on."""

from inspect import isawaitable
from typing import Any

__all__ = ["settle"]


async def settle(answer: Any) -> Any:
    """Await ``answer`` until it is a value.

    An ``async def`` that forgets an ``await`` answers with a coroutine: a truthy object, and another
    one at each call. A check that took it for a value would let everybody pass.
    """
    while isawaitable(answer):
        answer = await answer
    return answer
