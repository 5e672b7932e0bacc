"""A server under test, as a test uses it: calls, and the journal of what its handlers noted."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

from server.processes import Log
from server.raw_client import BOUND_S, EVENT_STREAM, RawClient
from streamactions import Event, SSEDecoder

__all__ = ["DONE", "Answer", "Served", "chunk_frame", "error_frame"]

DONE: Final = b"event: done\ndata: {}\n\n"


def chunk_frame(value: Any) -> bytes:
    """A chunk's frame, for values whose JSON is plain."""
    return b"data: %b\n\n" % json.dumps(value, separators=(",", ":")).encode()


def error_frame(code: str, message: str, status_code: int) -> bytes:
    """An error's frame, without field errors."""
    error = {"code": code, "message": message, "statusCode": status_code}
    return b"event: error\n" + chunk_frame(error)


@dataclass(frozen=True)
class Answer:
    """A response that was read to its end."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Event]:
        return SSEDecoder(max_event_bytes=64 * 1024 * 1024).feed(self.body)

    def chunks(self) -> list[Any]:
        """The chunks of a stream that ended with ``done``."""
        *chunks, done = self.events()
        assert done.event == "done", self.body[-500:]
        assert {event.event for event in chunks} <= {"message"}
        return [event.json() for event in chunks]


@dataclass
class Served:
    """One running server of the test actions.

    Attributes:
        tasks: the tasks of the worker when nothing but the call that asks is under way.
        logged_once: what the log has to hold exactly once when the server is stopped.
        hangs: whether it has stopped answering, so that further tests need not wait for it.
    """

    port: int
    log: Log
    prefix: str = "/api/_actions"
    tasks: dict[str, int] = field(default_factory=dict)
    logged_once: list[str] = field(default_factory=list)
    hangs: bool = False

    def remember_tasks(self, own_tasks: Iterable[str] = ()) -> None:
        """Take the worker as it is now for an idle one; of ``own_tasks`` there may be any number."""
        self.tasks = self.call("tasks").chunks()[0] | dict.fromkeys(own_tasks, 1_000_000)

    def path(self, action: str) -> str:
        return f"{self.prefix}/{action}"

    def open(self, action: str, value: Any = None, **options: Any) -> RawClient:
        """Call an action and read the head of its answer."""
        client = RawClient(self.port, receive_buffer_bytes=options.pop("receive_buffer_bytes", None))
        client.request(self.path(action), value, **options)
        client.read_head()
        return client

    def call(
        self, action: str, value: Any = None, accept: str | None = EVENT_STREAM, **options: Any
    ) -> Answer:
        """Call an action and read the whole of its answer."""
        with self.open(action, value, accept=accept, **options) as client:
            body = client.read_body()
            return Answer(client.response.status, client.response.headers, body)

    def say(self, run: str, what: str) -> None:
        """Note something that a handler waits for."""
        self.call("say", {"run": run, "what": what})

    def wait_for_note(self, run: str, what: str) -> dict[str, Any]:
        """Wait until a handler has noted it."""
        note: dict[str, Any] = self.call("note", {"run": run, "what": what}).chunks()[0]
        return note

    def notes(self, run: str) -> list[str]:
        """What was noted so far, in order."""
        return [note["what"] for note in self.call("notes", {"run": run}).chunks()[0]]

    def wait_until_stalled(self, run: str) -> dict[str, int]:
        """Wait until a flood comes no further, and return how far it has come."""
        before: dict[str, int] = {}
        bound_s = time.monotonic() + BOUND_S
        while (sent := self.call("sent", {"run": run}).chunks()[0]) != before or sent["chunks"] == 0:
            assert time.monotonic() < bound_s, f"the flood goes on: {sent}"
            before = sent
        return before

    def what_is_left(self) -> dict[str, Any]:
        """The tasks and streams that are still there when all calls are over; waits for them to go."""
        left: dict[str, Any] = self.call("idle", {"tasks": self.tasks}).chunks()[0]
        return left

    @contextmanager
    def test(self) -> Iterator[Self]:
        """One test, after which the server has to be idle again."""
        assert not self.hangs, "the server stopped answering in an earlier test"
        yield self
        try:
            assert self.what_is_left() == {"tasks": {}, "streams": 0}
        except TimeoutError:
            self.hangs = True
            raise

    def expect_logged_once(self, text: str) -> None:
        """Wait until it is logged; when the server is stopped, it must have stayed the only time."""
        self.log.wait_for(text)
        self.logged_once.append(text)

    def check_log(self) -> None:
        """Nothing was logged twice; to be asked when the server has stopped."""
        for text in self.logged_once:
            assert len(self.log.lines_with(text)) == 1, f"logged more than once: {text}"
