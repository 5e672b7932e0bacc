"""The upstream of clients and relays: a process that answers as an OpenAI-compatible server does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from harness.paths import WORKERS
from harness.process import ServerProcess, find_free_port, make_argv
from harness.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Answer:
    """What the upstream is asked for.

    Attributes:
        events: how many it sends, ``[DONE]`` not counted.
        interval_ms: the time between them; 0 for as fast as they are taken.
        per_write: how many it writes at once, where there is no time between them.
        text: what each of them says.
    """

    events: int
    interval_ms: int = 0
    per_write: int = 50
    text: str = "token"

    def body(self) -> dict[str, Any]:
        """The request: the prompt says what the answer is to be; relays of our own take ``prompt`` alone."""
        wanted = {"events": self.events, "interval_ms": self.interval_ms, "per_write": self.per_write}
        prompt = urlencode({**wanted, "text": self.text})
        message = {"role": "user", "content": prompt}
        return {"prompt": prompt, "model": "none", "messages": [message], "stream": True}


WARM_UP: Final = Answer(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamScenario(Scenario):
    """Streams that are read at once, each with the same answer."""

    streams: int
    answer: Answer

    @property
    def events(self) -> int:
        """How many there are altogether."""
        return self.streams * self.answer.events


def make_upstream_scenario(
    name: str, title: str, columns: tuple[str, ...], *, streams: int, answer: Answer
) -> UpstreamScenario:
    """A scenario whose title says its size."""
    if answer.interval_ms:
        unit = f", {answer.interval_ms} ms apart"
    else:
        unit = (
            f", no pause, {answer.per_write} in a write"
            if answer.per_write > 1
            else ", each a write, no pause"
        )
    full_title = f"{title}: {streams:,} streams x {answer.events:,}{unit}"
    return UpstreamScenario(name, full_title, columns, streams=streams, answer=answer)


@contextmanager
def run_upstream(core: int, folder: Path) -> Iterator[str]:
    """An upstream on that core, which logs into that folder; gives its URL up to ``/v1``."""
    port = find_free_port()
    argv = make_argv(("python", str(WORKERS / "upstream.py"), "{port}"), port=port)
    with ServerProcess(argv, port, core, folder / "upstream.log") as process:
        process.wait_until_listening()
        yield f"http://127.0.0.1:{port}/v1"
        process.check_alive()
