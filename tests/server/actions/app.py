"""The app that most tests call, and one with every option of its own."""

from server.actions import early, failures, flow, heads, journal, leaving, life, refusals, threaded, wire
from streamactions import StreamActions

app = StreamActions([journal, wire, refusals, early, heads, failures, life, leaving, flow, threaded])

options_app = StreamActions(
    [journal, wire],
    prefix="/own/",
    dialect="nuxt-actions",
    max_body_bytes=1000,
    body_timeout_s=wire.BODY_TIMEOUT_S,
    keep_alive_s=wire.KEEP_ALIVE_S,
    strict_content_type=False,
)
