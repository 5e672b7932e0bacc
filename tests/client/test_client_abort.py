"""What the client's own side may do to a call: stop, replace or cancel it, break out of it, raise in it."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from client_runner import run
from fake_transport import DONE, HANG, FakeResponse, FakeTransport, chunk

from streamactions.client import StreamHandle, use_stream_action
from streamactions.errors import ActionError

URL = "http://test/ai"


def silent(what: str) -> Callable[[Any], None]:
    def callback(argument: Any) -> None:
        raise AssertionError(f"{what} was called with {argument!r}")

    return callback


def assert_stopped(handle: StreamHandle[Any]) -> None:
    assert (handle.status, handle.complete, handle.error) == ("done", False, None)


def test_stop_from_another_task_ends_execute_quietly() -> None:
    async def main() -> None:
        response = FakeResponse(chunk(1), HANG)
        handle = use_stream_action(
            URL, client=FakeTransport(response), on_done=silent("on_done"), on_error=silent("on_error")
        )
        task = asyncio.create_task(handle.execute())
        await response.hangs.wait()
        handle.stop()
        assert_stopped(handle)
        handle.stop()
        await task
        assert response.closed.is_set()
        assert_stopped(handle)
        assert handle.chunks == [{"n": 1}]

    run(main)


def test_stop_within_on_chunk_gives_no_further_chunk_and_lets_the_callback_finish() -> None:
    async def main() -> None:
        finished = []

        async def on_chunk(value: Any) -> None:
            handle.stop()
            await asyncio.sleep(0)
            finished.append(value)

        response = FakeResponse(chunk(1) + chunk(2), DONE)
        handle: StreamHandle[Any] = use_stream_action(
            URL, client=FakeTransport(response), on_chunk=on_chunk, on_done=silent("on_done")
        )
        await handle.execute()
        assert finished == handle.chunks == [{"n": 1}]
        assert_stopped(handle)
        assert response.closed.is_set()

    run(main)


def test_stop_that_meets_a_failure_wins() -> None:
    async def main() -> None:
        response = FakeResponse(chunk(1))
        handle: StreamHandle[Any] = use_stream_action(
            URL,
            client=FakeTransport(response),
            on_chunk=lambda _: handle.stop(),
            on_error=silent("on_error"),
        )
        assert [value async for value in handle.stream()] == []
        assert_stopped(handle)

    run(main)


def test_stop_ends_stream_quietly() -> None:
    async def main() -> None:
        response = FakeResponse(chunk(1) + chunk(2), HANG)
        called_back: list[Any] = []
        handle = use_stream_action(URL, client=FakeTransport(response), on_chunk=called_back.append)
        seen = []
        async for value in handle.stream():
            seen.append(value)
            handle.stop()
        assert seen == called_back == handle.chunks == [{"n": 1}]
        assert_stopped(handle)
        assert response.closed.is_set()

    run(main)


@pytest.mark.parametrize("status", ["idle", "done", "error"])
def test_stop_without_a_running_call_changes_nothing(status: str) -> None:
    async def main() -> None:
        transport = FakeTransport(FakeResponse(*([DONE] if status == "done" else [])))
        handle = use_stream_action(URL, client=transport)
        if status != "idle":
            await handle.execute()
        before = (handle.status, handle.error, handle.complete)
        assert handle.status == status
        handle.stop()
        assert (handle.status, handle.error, handle.complete) == before

    run(main)


def test_a_second_execute_aborts_the_first_which_returns_quietly() -> None:
    async def main() -> None:
        first, second = FakeResponse(chunk(1), HANG), FakeResponse(chunk(2), DONE)
        seen: list[Any] = []
        handle = use_stream_action(
            URL, client=FakeTransport(first, second), on_chunk=seen.append, on_error=silent("on_error")
        )
        task = asyncio.create_task(handle.execute())
        await first.hangs.wait()
        await handle.execute()
        await task
        assert first.closed.is_set()
        assert seen == [{"n": 1}, {"n": 2}]
        assert (handle.status, handle.complete, handle.chunks) == ("done", True, [{"n": 2}])

    run(main)


def test_a_call_that_was_replaced_within_its_own_callback_calls_back_no_more() -> None:
    async def main() -> None:
        first, second = FakeResponse(chunk(1) + chunk(2) + DONE), FakeResponse(chunk(3), DONE)
        seen: list[Any] = []
        done: list[Any] = []

        async def on_chunk(value: Any) -> None:
            seen.append(value)
            if value == {"n": 1}:
                await handle.execute()

        handle: StreamHandle[Any] = use_stream_action(
            URL, client=FakeTransport(first, second), on_chunk=on_chunk, on_done=done.append
        )
        await handle.execute()
        assert seen == [{"n": 1}, {"n": 3}]
        assert done == [[{"n": 3}]]
        assert handle.chunks == [{"n": 3}]

    run(main)


def test_on_error_may_start_the_next_call() -> None:
    async def main() -> None:
        async def on_error(_: ActionError) -> None:
            await handle.execute()

        transport = FakeTransport(FakeResponse(chunk(1)), FakeResponse(chunk(2), DONE))
        handle: StreamHandle[Any] = use_stream_action(URL, client=transport, on_error=on_error)
        with pytest.raises(ActionError, match="STREAM_INCOMPLETE"):
            async for _ in handle.stream():
                pass
        assert (handle.status, handle.error, handle.chunks) == ("done", None, [{"n": 2}])

    run(main)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    "error", [ValueError("mine"), ActionError("MINE", "not the stream's")], ids=["other", "action"]
)
@pytest.mark.parametrize("callback", ["on_chunk", "on_done", "on_error"])
def test_what_a_callback_raises_leaves_execute_and_aborts_the_request(
    callback: str, error: Exception, is_async: bool
) -> None:
    async def main() -> None:
        def raises(_: Any) -> None:
            raise error

        async def raises_later(_: Any) -> None:
            await asyncio.sleep(0)
            raise error

        steps: dict[str, list[Any]] = {"on_chunk": [chunk(1), HANG], "on_done": [DONE], "on_error": []}
        response = FakeResponse(*steps[callback])
        options: dict[str, Any] = {callback: raises_later if is_async else raises}
        handle = use_stream_action(URL, client=FakeTransport(response), **options)
        with pytest.raises(type(error)) as caught:
            await handle.execute()
        assert caught.value is error
        assert response.closed.is_set()
        expected = {"on_chunk": ("done", False), "on_done": ("done", True), "on_error": ("error", False)}
        assert (handle.status, handle.complete) == expected[callback]
        assert (handle.error is None) == (callback != "on_error")

    run(main)


def test_cancelling_execute_closes_the_response_and_stays_a_cancellation() -> None:
    async def main() -> None:
        response = FakeResponse(chunk(1), HANG)
        handle = use_stream_action(URL, client=FakeTransport(response), timeout=1000)
        task = asyncio.create_task(handle.execute())
        await response.hangs.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert response.closed.is_set()
        assert_stopped(handle)

    run(main)


def test_cancelling_and_stopping_at_once_stays_a_cancellation() -> None:
    async def main() -> None:
        response = FakeResponse(HANG)
        handle = use_stream_action(URL, client=FakeTransport(response))
        task = asyncio.create_task(handle.execute())
        await response.hangs.wait()
        handle.stop()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert response.closed.is_set()

    run(main)


@pytest.mark.parametrize("explicit", [True, False], ids=["aclosing", "dropped"])
def test_breaking_out_of_stream_aborts_the_request(explicit: bool) -> None:
    async def main() -> None:
        response = FakeResponse(chunk(1) + chunk(2), HANG)
        handle = use_stream_action(URL, client=FakeTransport(response), on_done=silent("on_done"))
        if explicit:
            async with aclosing(handle.stream()) as chunks:
                async for _ in chunks:
                    break
            assert response.closed.is_set()
        else:
            async for _ in handle.stream():
                break
            await response.closed.wait()
        assert_stopped(handle)

    run(main)


def test_a_call_that_was_replaced_leaves_the_state_of_the_next_alone() -> None:
    async def main() -> None:
        first, second = FakeResponse(chunk(1), HANG), FakeResponse(chunk(2), HANG)
        handle = use_stream_action(URL, client=FakeTransport(first, second))
        old = asyncio.create_task(handle.execute())
        await first.hangs.wait()
        new = asyncio.create_task(handle.execute())
        await old
        await second.hangs.wait()
        assert (handle.status, handle.chunks) == ("streaming", [{"n": 2}])
        handle.stop()
        await new

    run(main)
