"""The decoder gives what npm's eventsource-parser gives, on many random streams at random cuts.

More of the same: ``python -m decoder.test_eventsource_parser SECONDS`` from the folder ``tests``.
"""

import base64
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from browser.toolchain import find_node, install_packages
from streamactions import SSEDecoder

from .differential.streams import make_cuts, make_stream

FOLDER: Final = Path(__file__).parent / "differential"
STREAMS_PER_ROUND: Final = 2_000


def make_case(source: random.Random) -> tuple[bytes, list[int]]:
    stream = make_stream(source)
    return stream, make_cuts(source, len(stream))


def with_peer(cases: list[tuple[bytes, list[int]]]) -> list[dict[str, Any]]:
    lines = [
        json.dumps({"stream": base64.b64encode(stream).decode(), "cuts": cuts}) for stream, cuts in cases
    ]
    ended = subprocess.run(
        [find_node(), "parse.js"],
        cwd=FOLDER,
        input="\n".join(lines),
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    )
    # A line may hold what `splitlines` takes for the end of one.
    return [json.loads(line) for line in ended.stdout.split("\n") if line]


def with_ours(stream: bytes, cuts: list[int]) -> dict[str, Any]:
    decoder = SSEDecoder()
    ends = [*cuts, len(stream)]
    reads = [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    events = [[event.event, event.data, event.id] for read in reads for event in decoder.feed(read)]
    return {"events": events, "id": decoder.last_event_id, "retry": decoder.retry_ms}


def compare(seed: int) -> int:
    """One round; returns how many events there were."""
    source = random.Random(seed)
    cases = [make_case(source) for _ in range(STREAMS_PER_ROUND)]
    events = 0
    for (stream, cuts), expected in zip(cases, with_peer(cases), strict=True):
        assert with_ours(stream, cuts) == expected, (seed, stream, cuts)
        events += len(expected["events"])
    return events


@pytest.fixture(scope="module", autouse=True)
def installed_peer() -> None:
    install_packages(FOLDER)


@pytest.mark.parametrize("seed", range(4))
def test_random_streams(seed: int) -> None:
    assert compare(seed) > STREAMS_PER_ROUND / 2


def main(seconds: float) -> None:
    """Rounds with seeds of their own, until the time is over."""
    install_packages(FOLDER)
    until_s = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until_s:
        compare(random.SystemRandom().randrange(2**32))
        rounds += 1
    print(f"{rounds * STREAMS_PER_ROUND} streams, no difference")


if __name__ == "__main__":
    main(float(sys.argv[1]))
