"""An action as one app serves it: what follows from the two together, found once, at the app's start."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from streamactions.action import StreamAction
from streamactions.app.pulse import Pulse
from streamactions.dialects import Dialect
from streamactions.stream import Stream, guard_encoding

__all__ = ["ServedAction"]


class ServedAction:
    """One action of an app.

    Attributes:
        action: the action.
        dialect: how its streams are spelled.
        keep_alive_s: seconds without a frame before a keep-alive.
        max_body_bytes: the largest request body.
    """

    def __init__(
        self, action: StreamAction, *, dialect: Dialect, keep_alive_s: float, max_body_bytes: int
    ) -> None:
        self.action: Final = action
        self.dialect: Final = action.dialect or dialect
        self.keep_alive_s: Final = action.keep_alive_s or keep_alive_s
        self.max_body_bytes: Final = action.max_body_bytes or max_body_bytes
        self._done_frame = self.dialect.done()
        self._encoding = action.encoding
        if self.dialect.check_chunk is not None:
            self._encoding = guard_encoding(action.encoding, self.dialect.check_chunk)

    def make_stream(
        self,
        write: Callable[[bytes, bool], Awaitable[None]],
        event_loop: asyncio.AbstractEventLoop,
        pulse: Pulse,
    ) -> Stream:
        """An open stream of this action.

        Args:
            write: takes bytes, and whether more follow.
            event_loop: the running loop.
            pulse: the loop's pulse.
        """
        return Stream(
            encode=self._encoding.fast,
            encode_any=self._encoding.patient,
            write=write,
            event_loop=event_loop,
            pulse=pulse.core,
            chunk_event=self.dialect.chunk_event,
            done_frame=self._done_frame,
            keep_alive_s=self.keep_alive_s,
            outlives_client=self.action.on_disconnect == "continue",
        )
