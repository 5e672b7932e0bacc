"""What was promised of relaying."""

from typing import Final

from harness.relay.relays import NGINX
from harness.targets import cpu_target, stalled_targets

TARGETS: Final = (
    *(
        cpu_target(scenario, limit, peer)
        for scenario in ("spaced", "single", "burst")
        for peer, limit in ((NGINX, 1.8), ("aiohttp", 0.6), ("fastapi-openai", 1 / 10))
    ),
    *stalled_targets("stalled"),
)
