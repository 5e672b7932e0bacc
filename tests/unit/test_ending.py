"""Ending a stream cannot fail: whatever an error or a dialect holds, its client and the log are told."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import pytest

from streamactions import (
    ActionError,
    StreamActions,
    create_action_error,
    define_middleware,
    define_stream_action,
    use_stream_action,
)
from streamactions.app.calls import Calls, end_calls
from streamactions.dialects import StandardDialect
from streamactions.testing import BASE_URL, InProcessTransport, collect

BOUND_S: Final = 30.0


def changed(**changes: Any) -> ActionError:
    """An error that was made rightly, and changed afterwards."""
    error = create_action_error("FAILED", "as it was")
    for name, value in changes.items():
        setattr(error, name, value)
    return error


class OwnError(ActionError):
    def to_wire(self) -> dict[str, Any]:
        raise LookupError("secret")


make_error: Final[Any] = create_action_error
"""For what a type checker would refuse already."""


class UnmadeError(ActionError):
    """One that has forgotten to make what it stands on."""

    def __init__(self, limit: int) -> None:
        self.limit = limit


class UnreadableError(ActionError):
    @property
    def code(self) -> str:
        raise LookupError("secret")

    @code.setter
    def code(self, code: str) -> None:
        pass


class LeavingError(ActionError):
    def to_wire(self) -> dict[str, Any]:
        raise BaseException("secret")


class ExitingError(ActionError):
    def to_wire(self) -> dict[str, Any]:
        raise SystemExit("secret")


UNTELLABLE: Final[dict[str, Callable[[], ActionError]]] = {
    "an exception as the message": lambda: make_error("FAILED", ValueError("secret")),
    "no message": lambda: make_error("FAILED", None),
    "a number as the code": lambda: make_error(404, "secret"),
    "a field of another type": lambda: make_error("A", "b", 400, {1: ["c"]}),
    "a field message of another type": lambda: make_error("A", "b", 400, {"a": [ValueError("secret")]}),
    "a string in place of messages": lambda: make_error("A", "b", 400, {"a": "secret"}),
    "messages without an end": lambda: make_error("A", "b", 400, {"a": iter("secret")}),
    "fields that are none": lambda: make_error("A", "b", 400, ["secret"]),
    "a status of another type": lambda: make_error("A", "b", "429"),
    "a truth as the status": lambda: make_error("A", "b", True),
    "a message that was changed": lambda: changed(message=object()),
    "half a letter that was put in": lambda: changed(message="\ud83d"),
    "fields that were changed": lambda: changed(field_errors={object(): 1}),
    "a wire form of its own": lambda: OwnError("FAILED", "secret"),
    "a wire form that leaves": lambda: LeavingError("FAILED", "secret"),
    "a wire form that exits": lambda: ExitingError("FAILED", "secret"),
    "nothing that was made": lambda: UnmadeError(3),
    "a code that cannot be read": lambda: UnreadableError("FAILED", "secret"),
    "a status that was changed": lambda: changed(status_code=99),
}


@pytest.mark.parametrize("make", UNTELLABLE.values(), ids=UNTELLABLE)
@pytest.mark.parametrize("where", ["handler", "translation", "middleware", "translation of middleware"])
def test_an_error_that_cannot_be_told(
    make: Callable[[], ActionError], where: str, caplog: pytest.LogCaptureFixture
) -> None:
    @define_middleware
    async def guard(next: Any) -> Any:
        if where == "middleware":
            raise make()
        if where == "translation of middleware":
            raise KeyError("secret")
        return await next()

    @define_stream_action(
        middleware=[guard], handle_server_error=(lambda _: make()) if "translation" in where else None
    )
    async def fails(stream: Any) -> None:
        await stream.send(1)
        if where == "translation":
            raise KeyError("secret")
        raise make()

    with pytest.raises(ActionError) as raised:
        asyncio.run(asyncio.wait_for(collect(fails), BOUND_S))
    in_handler = where in ("handler", "translation")
    assert raised.value.code == ("STREAM_ERROR" if in_handler else "INTERNAL_ERROR")
    assert "secret" not in raised.value.message
    assert [record for record in caplog.records if record.exc_info is not None]


@pytest.mark.parametrize("as_json", [False, True])
def test_half_a_letter_in_an_error_is_replaced(as_json: bool) -> None:
    error = create_action_error("A\udc00", "a\ud83d b", 400, {"\ud83d": ["c\udfff"]})
    assert (error.code, error.message, error.field_errors) == (
        "A\ufffd",
        "a\ufffd b",
        {"\ufffd": ["c\ufffd"]},
    )
    whole = create_action_error("A", "\ud83d\ude00")
    assert whole.message == "\U0001f600"

    @define_middleware
    async def refuse() -> None:
        raise error

    @define_stream_action(middleware=[] if as_json else [refuse])
    async def fails(stream: Any) -> None:
        raise error

    with pytest.raises(ActionError) as raised:
        asyncio.run(asyncio.wait_for(collect(fails), BOUND_S))
    assert raised.value.to_wire() == error.to_wire()


class MuteDialect(StandardDialect):
    """One that cannot say an error."""

    def error(self, error: ActionError) -> bytes:
        raise LookupError("no word for it")


class WrongDialect(StandardDialect):
    """One whose frame is none."""

    def error(self, error: ActionError) -> bytes:
        return "event: error\n\n"  # type: ignore[return-value]


@pytest.mark.parametrize("dialect", [MuteDialect(), WrongDialect()])
def test_where_a_dialect_fails_the_stream_is_cut(dialect: Any, caplog: pytest.LogCaptureFixture) -> None:
    @define_stream_action(dialect=dialect)
    async def fails(stream: Any) -> None:
        await stream.send(1)
        raise ValueError("secret")

    async def run() -> tuple[list[Any], ActionError | None]:
        handle = use_stream_action(
            fails, base_url=BASE_URL, client=InProcessTransport(StreamActions([fails])), dialect="standard"
        )
        await asyncio.wait_for(handle.execute(), BOUND_S)
        return handle.chunks, handle.error

    chunks, error = asyncio.run(run())
    assert chunks == [1]
    assert error is not None
    assert error.code == "STREAM_INCOMPLETE"
    assert "could not be written" in caplog.text


@pytest.mark.parametrize("raised", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), BaseException()])
def test_what_is_no_exception_ends_one_stream_only(
    raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    @define_stream_action
    async def leaves(stream: Any) -> None:
        await stream.send(1)
        raise raised

    async def run() -> str:
        with pytest.raises(ActionError) as error:
            await asyncio.wait_for(collect(leaves), BOUND_S)
        return error.value.code

    assert asyncio.run(run()) == "STREAM_ERROR"
    assert [record for record in caplog.records if record.exc_info is not None]


def test_a_translation_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamactions.run.MAX_TRANSLATION_S", 0.01)

    async def never(error: Exception) -> None:
        await asyncio.Event().wait()

    @define_stream_action(handle_server_error=never)
    async def fails(stream: Any) -> None:
        raise ValueError("secret")

    with pytest.raises(ActionError, match="Stream handler error"):
        asyncio.run(asyncio.wait_for(collect(fails), BOUND_S))


class FailingFilter(logging.Filter):
    """As a filter of an application may be that was written for other records."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.user is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize("in_middleware", [False, True])
def test_a_log_that_fails_keeps_no_stream_open(
    in_middleware: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    @define_middleware
    async def guard(next: Any) -> Any:
        if in_middleware:
            raise ValueError("secret")
        return await next()

    @define_stream_action(middleware=[guard])
    async def fails(stream: Any) -> None:
        await stream.send(1)
        raise ValueError("secret")

    log, failing = logging.getLogger("streamactions"), FailingFilter()
    log.addFilter(failing)
    try:
        with pytest.raises(ActionError) as raised:
            asyncio.run(asyncio.wait_for(collect(fails), BOUND_S))
    finally:
        log.removeFilter(failing)
    assert raised.value.code == ("INTERNAL_ERROR" if in_middleware else "STREAM_ERROR")
    assert "the log has failed (AttributeError)" in capsys.readouterr().err


def test_a_middleware_that_raises_a_cancellation_of_its_own_is_answered() -> None:
    @define_middleware
    async def guard() -> None:
        raise asyncio.CancelledError

    @define_stream_action(middleware=[guard])
    async def guarded(stream: Any) -> None:
        pass

    with pytest.raises(ActionError) as raised:
        asyncio.run(asyncio.wait_for(collect(guarded), BOUND_S))
    assert raised.value.code == "INTERNAL_ERROR"


# --- The server's stop ---------------------------------------------------------------------------


class App(StreamActions):
    """An app under a server that passes its lifespan on."""

    async def live(self) -> None:
        messages = iter(["lifespan.startup", "lifespan.shutdown"])
        sent = []

        async def receive() -> dict[str, Any]:
            return {"type": next(messages)}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await self({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def make_waiting() -> tuple[Any, asyncio.Event]:
    began = asyncio.Event()

    @define_stream_action
    async def waits(input: Any, stream: Any) -> None:
        await stream.send(1)
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if input.get("swallows"):
                return
            raise

    return waits, began


@pytest.mark.parametrize("swallows", [False, True])
def test_an_app_stops_its_calls_when_its_life_ends(swallows: bool) -> None:
    async def run() -> None:
        waits, began = make_waiting()
        app = App([waits], stop_timeout_s=0.02)
        handle = use_stream_action(waits, base_url=BASE_URL, client=InProcessTransport(app))
        call = asyncio.create_task(handle.execute({"swallows": swallows}))
        await asyncio.wait_for(began.wait(), BOUND_S)
        await asyncio.wait_for(app.live(), BOUND_S)
        await asyncio.wait_for(call, BOUND_S)
        assert handle.error is not None
        assert (handle.error.code, handle.error.status_code) == ("SERVER_STOPPING", 503)
        # What comes now is refused.
        await asyncio.wait_for(handle.execute({}), BOUND_S)
        assert handle.error.code == "SERVER_STOPPING"

    asyncio.run(run())


def test_a_run_that_is_stopped_before_its_first_step_ends_its_stream() -> None:
    async def run() -> None:
        waits, _ = make_waiting()
        app = App([waits])

        async def stopping(scope: Any, receive: Any, send: Any) -> None:
            """Stops the app once it has the call, which it takes before anything else can run."""
            stop = asyncio.ensure_future(app.stop())
            await app(scope, receive, send)
            await stop

        handle = use_stream_action(waits, base_url=BASE_URL, client=InProcessTransport(stopping))
        app._stop_timeout_s = 0.01
        await asyncio.wait_for(handle.execute({}), BOUND_S)
        assert handle.error is not None
        assert handle.error.code == "SERVER_STOPPING"

    asyncio.run(run())


def test_calls_that_end_by_themselves_are_waited_for() -> None:
    class Quiet:
        stops = 0

        def stop(self) -> None:
            self.stops += 1

        def cut(self) -> None:
            raise AssertionError("it has ended by itself")

    async def run() -> None:
        calls, call = Calls(), Quiet()
        assert await calls.wait(BOUND_S)
        calls.add(call)
        assert not await calls.wait(0.001)
        asyncio.get_running_loop().call_later(0.01, calls.discard, call)
        await asyncio.wait_for(end_calls(calls, 2 * BOUND_S), BOUND_S)
        assert (call.stops, calls.has_stopped, len(calls)) == (0, False, 0)
        assert calls.stop() == 0
        calls.add(call)
        assert (call.stops, calls.stop()) == (1, 0)

    asyncio.run(run())
