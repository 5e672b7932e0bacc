"""The handle's attributes and callbacks, through a transport without a network."""

import asyncio
from typing import Any

import pytest
from client_runner import run
from fake_transport import DONE, HANG, FakeResponse, FakeTransport, chunk
from pydantic import BaseModel

from streamactions.client import BodyBrokenError, StreamHandle, use_stream_action
from streamactions.errors import ActionError

URL = "http://test/ai"


class Log:
    """Callbacks, sync or async, that write down what they were given."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Any]] = []

    def on_chunk(self, value: Any) -> None:
        self.entries.append(("chunk", value))

    async def on_done(self, values: list[Any]) -> None:
        await asyncio.sleep(0)
        self.entries.append(("done", list(values)))

    async def on_error(self, error: ActionError) -> None:
        await asyncio.sleep(0)
        self.entries.append(("error", error.code))


def logged(transport: FakeTransport, log: Log, **options: Any) -> StreamHandle[Any]:
    return use_stream_action(
        URL, client=transport, on_chunk=log.on_chunk, on_done=log.on_done, on_error=log.on_error, **options
    )


def test_success_fills_the_attributes_and_calls_back_in_order() -> None:
    async def main() -> None:
        log = Log()
        response = FakeResponse(chunk(1), chunk(2) + chunk(3), DONE)
        handle = logged(FakeTransport(response), log)
        assert (handle.status, handle.chunks, handle.data, handle.complete) == ("idle", [], None, False)
        await handle.execute({"prompt": "hi"})
        chunks = [{"n": 1}, {"n": 2}, {"n": 3}]
        assert (handle.status, handle.complete, handle.error) == ("done", True, None)
        assert handle.chunks == chunks
        assert handle.data == {"n": 3}
        assert log.entries == [*(("chunk", value) for value in chunks), ("done", chunks)]
        assert response.closed.is_set()

    run(main)


def test_status_is_streaming_and_chunks_grow_while_it_runs() -> None:
    async def main() -> None:
        response = FakeResponse(chunk(1), HANG)
        handle = use_stream_action(URL, client=FakeTransport(response))
        task = asyncio.create_task(handle.execute())
        await response.hangs.wait()
        assert (handle.status, handle.chunks, handle.complete) == ("streaming", [{"n": 1}], False)
        handle.stop()
        await task

    run(main)


def test_typed_error_event_becomes_the_error() -> None:
    async def main() -> None:
        log = Log()
        wire = b'event: error\ndata: {"code":"RATE_LIMITED","message":"Too many","statusCode":429}\n\n'
        handle = logged(FakeTransport(FakeResponse(chunk(1) + wire + chunk(2))), log)
        await handle.execute()
        assert handle.error is not None
        assert (handle.error.code, handle.error.message, handle.error.status_code) == (
            "RATE_LIMITED",
            "Too many",
            429,
        )
        assert (handle.status, handle.complete, handle.chunks) == ("error", False, [{"n": 1}])
        assert log.entries == [("chunk", {"n": 1}), ("error", "RATE_LIMITED")]

    run(main)


def test_a_new_execute_starts_afresh_and_leaves_the_old_list_alone() -> None:
    async def main() -> None:
        failing = FakeResponse(chunk(1), b'event: error\ndata: {"code":"A","message":"b"}\n\n')
        handle = use_stream_action(URL, client=FakeTransport(failing, FakeResponse(chunk(2), DONE)))
        await handle.execute()
        first = handle.chunks
        await handle.execute()
        assert first == [{"n": 1}]
        assert (handle.status, handle.error, handle.chunks) == ("done", None, [{"n": 2}])

    run(main)


def test_keep_chunks_false_keeps_only_the_latest() -> None:
    async def main() -> None:
        log = Log()
        handle = logged(FakeTransport(FakeResponse(chunk(1), chunk(2), DONE)), log, keep_chunks=False)
        await handle.execute()
        assert (handle.chunks, handle.data) == ([], {"n": 2})
        assert log.entries[-1] == ("done", [])

    run(main)


def test_anything_after_the_end_event_is_ignored_and_the_body_read_to_its_end() -> None:
    async def main() -> None:
        response = FakeResponse(DONE + chunk(1), chunk(2), b"junk")
        handle = use_stream_action(URL, client=FakeTransport(response))
        await handle.execute()
        assert (handle.status, handle.chunks) == ("done", [])
        assert response.steps == []

    run(main)


@pytest.mark.parametrize(
    "tail", [[HANG], [b": tail\n\n"] * 1000, [OSError()]], ids=["hangs", "endless", "fails"]
)
def test_a_body_that_goes_on_after_its_end_event_is_done_all_the_same(tail: list[Any]) -> None:
    async def main() -> None:
        steps = [BodyBrokenError("broken") if isinstance(step, OSError) else step for step in tail]
        response = FakeResponse(DONE, *steps)
        handle = use_stream_action(URL, client=FakeTransport(response))
        await handle.execute()
        assert (handle.status, handle.complete) == ("done", True)
        assert response.closed.is_set()
        if tail != [HANG]:
            assert (len(response.steps) > 0) == (len(tail) > 1)

    run(main)


def test_stream_yields_chunks_and_keeps_state_and_callbacks() -> None:
    async def main() -> None:
        log = Log()
        handle = logged(FakeTransport(FakeResponse(chunk(1) + chunk(2), DONE)), log)
        seen = [value async for value in handle.stream({})]
        assert seen == handle.chunks == [{"n": 1}, {"n": 2}]
        assert (handle.status, handle.complete) == ("done", True)
        assert [kind for kind, _ in log.entries] == ["chunk", "chunk", "done"]

    run(main)


def test_stream_raises_what_failed_after_the_chunks() -> None:
    async def main() -> None:
        log = Log()
        handle = logged(FakeTransport(FakeResponse(chunk(1))), log)
        chunks = handle.stream()
        assert await anext(chunks) == {"n": 1}
        with pytest.raises(ActionError) as caught:
            await anext(chunks)
        assert caught.value is handle.error
        assert caught.value.code == "STREAM_INCOMPLETE"
        assert log.entries == [("chunk", {"n": 1}), ("error", "STREAM_INCOMPLETE")]

    run(main)


class Token(BaseModel, strict=True):
    text: str
    odds: tuple[float, ...] = ()


def test_output_gives_typed_chunks_in_jsons_own_reading() -> None:
    async def main() -> None:
        response = FakeResponse(b'data: {"text":"a","odds":[0.5]}\n\n', DONE)
        handle = use_stream_action(URL, output=Token, client=FakeTransport(response))
        await handle.execute()
        assert handle.error is None
        assert handle.chunks == [Token(text="a", odds=(0.5,))]

    run(main)


def test_a_chunk_that_does_not_match_output_is_an_error() -> None:
    async def main() -> None:
        response = FakeResponse(b'data: {"text":"a"}\n\ndata: {"text":1}\n\ndata: {"text":"b"}\n\n', DONE)
        handle = use_stream_action(URL, output=Token, client=FakeTransport(response))
        await handle.execute()
        assert handle.error is not None
        assert handle.error.code == "INVALID_CHUNK"
        assert "text:" in handle.error.message
        assert handle.chunks == [Token(text="a")]

    run(main)
