"""An action as one app serves it: what follows from the two together, found once, at the app's start."""

from typing import Final

from streamactions._core import StreamSettings
from streamactions.action import StreamAction
from streamactions.app.asgi import Send
from streamactions.app.body import BodyRules
from streamactions.app.pulse import Pulse
from streamactions.dialects import Dialect
from streamactions.stream import Stream, guard_encoding

__all__ = ["ServedAction"]


class ServedAction:
    """One action of an app.

    Attributes:
        action: the action.
        method: its HTTP method.
        dialect: how its streams are spelled.
        keep_alive_s: seconds without a frame before a keep-alive.
        body_rules: what a request body has to be.
        early_middleware: what runs before the input is read, in order.
        middleware: what runs after it, in order.
    """

    def __init__(
        self,
        action: StreamAction,
        *,
        dialect: Dialect,
        keep_alive_s: float,
        max_body_bytes: int,
        body_timeout_s: float,
        strict_content_type: bool,
    ) -> None:
        self.action: Final = action
        self.method: Final = action.method
        self.dialect: Final = action.dialect or dialect
        self.keep_alive_s: Final = action.keep_alive_s or keep_alive_s
        self.body_rules: Final = BodyRules(
            action.max_body_bytes or max_body_bytes,
            action.body_timeout_s or body_timeout_s,
            strict_content_type,
        )
        self.early_middleware: Final = tuple(item for item in action.middleware if item.before_input)
        self.middleware: Final = tuple(item for item in action.middleware if not item.before_input)
        encoding = action.encoding
        if self.dialect.check_chunk is not None:
            encoding = guard_encoding(encoding, self.dialect.check_chunk)
        self._settings = StreamSettings(
            encode=encoding.fast,
            encode_options=encoding.options,
            encode_any=encoding.patient,
            chunk_event=self.dialect.chunk_event,
            done_frame=self.dialect.done(),
            keep_alive_s=self.keep_alive_s,
            outlives_client=action.on_disconnect == "continue",
        )

    def make_stream(self, send: Send, pulse: Pulse) -> Stream:
        """An open stream of this action.

        Args:
            send: the server's, for this request.
            pulse: the running loop's.
        """
        return Stream(self._settings, send, pulse.core)
