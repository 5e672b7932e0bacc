"""The server's workers: who they are, and what each of them holds."""

import asyncio
import time
from pathlib import Path
from typing import Final

from soak.holdings import Holdings, hold_from_outside
from streamactions import ActionError
from streamactions.client import open_event_stream

__all__ = ["WORKERS", "Workers"]

WORKERS: Final = 2

RECOVERY_BOUND_S: Final = 60.0
"""How long replacing workers may take; a stop's limit of 30 s is within it."""

CALL_BOUND_S: Final = 10.0
POLL_INTERVAL_S: Final = 0.1


class Workers:
    """The workers of one server.

    Args:
        main_pid: the server's main process.
        url: of the actions.
    """

    def __init__(self, main_pid: int, url: str) -> None:
        self._main_pid = main_pid
        self._url = url

    def pids(self) -> set[int]:
        """The processes that live now, those that end included."""
        text = Path(f"/proc/{self._main_pid}/task/{self._main_pid}/children").read_text()
        return {pid for pid in map(int, text.split()) if not _is_over(pid)}

    async def hold(self) -> list[Holdings]:
        """What each worker holds."""
        found: dict[int, Holdings] = {}
        bound_s = time.monotonic() + RECOVERY_BOUND_S
        # The system deals connections out by chance, so ask until each has answered.
        while set(found) != (pids := self.pids()) or len(found) != WORKERS:
            if time.monotonic() > bound_s:
                raise TimeoutError(f"of the workers {sorted(pids)} only {sorted(found)} have answered")
            try:
                holdings = await self._ask()
            except ActionError:
                # One of them is being replaced.
                await asyncio.sleep(POLL_INTERVAL_S)
                continue
            found[holdings.pid] = holdings
            found = {pid: held for pid, held in found.items() if pid in pids}
        return list(found.values())

    async def hold_main(self) -> list[Holdings]:
        """What the main process holds, as far as it can be seen from outside."""
        return [hold_from_outside(self._main_pid)]

    async def recover(self, gone: set[int]) -> None:
        """Wait until these have ended and all workers serve.

        Raises:
            TimeoutError: they do not.
        """
        bound_s = time.monotonic() + RECOVERY_BOUND_S
        while self.pids() & gone:
            if time.monotonic() > bound_s:
                raise TimeoutError(f"the workers {sorted(self.pids() & gone)} have not ended")
            await asyncio.sleep(POLL_INTERVAL_S)
        await self.hold()

    async def _ask(self) -> Holdings:
        async with open_event_stream(
            "POST", f"{self._url}/state", json={}, end_event="done", timeout=CALL_BOUND_S
        ) as stream:
            answers = [value async for value in stream.values()]
        return Holdings.from_json(answers[0])


def _is_over(pid: int) -> bool:
    """Whether it has ended, though nobody may have waited for it yet."""
    try:
        return b") Z " in Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
