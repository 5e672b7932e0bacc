"""Runs one client test on a loop of its own, and fails it for whatever it leaves behind.

A hang is a failure after `HANG_S`; so is a task that does not end, an exception that nobody
retrieved and, because warnings are errors, a session or a socket that nobody closed.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any, Final

HANG_S: Final = 20.0

# Every test ends with a collection: without what was imported by now, it takes a tenth of the time.
gc.freeze()


def run(main: Callable[[], Awaitable[None]]) -> None:
    faults: list[dict[str, Any]] = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        async with asyncio.timeout(HANG_S):
            await main()
            if left_over := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(left_over)

    asyncio.run(bounded())
    gc.collect()
    assert faults == []
