"""When real connections close, and when they are kept, through each HTTP client."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
from client_runner import run
from fake_transport import DONE, chunk
from real_clients import every_client, open_client
from scripted_server import (
    CHUNKED_HEAD,
    KEPT_CHUNKED_HEAD,
    LAST_PIECE,
    UNTIL_CLOSE_HEAD,
    Connection,
    piece,
    scripted_server,
)

from streamactions.client import StreamHandle, use_stream_action


@every_client
@pytest.mark.parametrize("stage", ["head", "body"])
@pytest.mark.parametrize("limit", ["timeout", "idle_timeout_s"])
def test_timeout_closes_the_connection(kind: str, stage: str, limit: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        if stage == "body":
            await connection.send(CHUNKED_HEAD + piece(chunk(1)))
        await connection.wait_left()

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            options: dict[str, Any] = {limit: 0.2}
            handle = use_stream_action(url, client=client, **options)
            await handle.execute()
            assert handle.error is not None
            assert (handle.error.code, handle.error.status_code) == ("TIMEOUT_ERROR", 408)

    run(main)


@every_client
@pytest.mark.parametrize("stage", ["head", "body"])
def test_stop_from_another_task_closes_the_connection(kind: str, stage: str) -> None:
    async def main() -> None:
        reached = asyncio.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            if stage == "body":
                await connection.send(CHUNKED_HEAD + piece(chunk(1)))
            else:
                reached.set()
            await connection.wait_left()

        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client, on_chunk=lambda _: reached.set())
            task = asyncio.create_task(handle.execute())
            await reached.wait()
            handle.stop()
            await task
            assert (handle.status, handle.complete, handle.error) == ("done", False, None)

    run(main)


@every_client
def test_stop_within_on_chunk_closes_the_connection(kind: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(chunk(1)))
        await connection.wait_left()

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle: StreamHandle[Any] = use_stream_action(
                url, client=client, on_chunk=lambda _: handle.stop()
            )
            await handle.execute()
            assert (handle.status, handle.complete, handle.chunks) == ("done", False, [{"n": 1}])

    run(main)


@every_client
def test_break_out_of_stream_closes_the_connection(kind: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(chunk(1)))
        await connection.wait_left()

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            async for value in handle.stream():
                assert value == {"n": 1}
                break
            async with aclosing(handle.stream()) as chunks:
                assert await anext(chunks) == {"n": 1}
            assert (handle.status, handle.complete) == ("done", False)

    run(main)


@every_client
def test_a_second_execute_closes_the_first_connection(kind: str) -> None:
    async def main() -> None:
        first_seen = asyncio.Event()

        async def script(connection: Connection) -> None:
            request = await connection.receive()
            await connection.send(CHUNKED_HEAD + piece(chunk(1)))
            if request.body == b"1":
                await connection.wait_left()
            else:
                await connection.send(piece(DONE) + LAST_PIECE)

        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client, on_chunk=lambda _: first_seen.set())
            task = asyncio.create_task(handle.execute(1))
            await first_seen.wait()
            await handle.execute(2)
            await task
            assert (handle.status, handle.complete, handle.chunks) == ("done", True, [{"n": 1}])

    run(main)


@every_client
def test_a_callback_that_raises_closes_the_connection(kind: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(chunk(1)))
        await connection.wait_left()

    async def main() -> None:
        async def on_chunk(value: Any) -> None:
            raise LookupError("mine")

        async with scripted_server(script) as url, open_client(kind) as client:
            with pytest.raises(LookupError, match="mine"):
                await use_stream_action(url, client=client, on_chunk=on_chunk).execute()

    run(main)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_the_callers_client_gets_its_response_closed_by_the_time_execute_returns(library: Any) -> None:
    class Body(library.AsyncByteStream):  # type: ignore[misc]
        closed = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield chunk(1)
            await asyncio.Event().wait()

        async def aclose(self) -> None:
            self.closed = True

    async def main() -> None:
        body = Body()
        headers = {"content-type": "text/event-stream"}
        transport = library.MockTransport(lambda _: library.Response(200, headers=headers, stream=body))
        async with library.AsyncClient(transport=transport) as client:
            handle: StreamHandle[Any] = use_stream_action(
                "http://test/", client=client, on_chunk=lambda _: handle.stop()
            )
            await handle.execute()
            assert handle.chunks == [{"n": 1}]
            assert body.closed

    run(main)


def test_execute_leaves_nothing_behind_when_it_returns() -> None:
    """Strict for the default transport: no task and no session is left at the very moment of return."""

    async def script(connection: Connection) -> None:
        request = await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(chunk(1)))
        if request.body == b"1":
            await connection.wait_left()
        else:
            await connection.send(piece(DONE) + LAST_PIECE)

    async def main() -> None:
        async with scripted_server(script) as url:
            before = client_tasks()
            await use_stream_action(url).execute({})
            assert client_tasks() == before
            stopped: StreamHandle[Any] = use_stream_action(url, on_chunk=lambda _: stopped.stop())
            await stopped.execute(1)
            assert client_tasks() == before
            await use_stream_action(url, timeout=0.05).execute(1)
            assert client_tasks() == before
            gc.collect()

    def client_tasks() -> set[asyncio.Task[Any]]:
        return {task for task in asyncio.all_tasks() if "serve" not in repr(task.get_coro())}

    run(main)


@every_client
def test_one_connection_serves_several_calls(kind: str) -> None:
    """Within ``async with handle``, and with a client of one's own; also when the body's end comes late."""
    connections: list[int] = []

    async def script(connection: Connection) -> None:
        connections.append(0)
        try:
            while True:
                await connection.receive()
                connections[-1] += 1
                await connection.send(KEPT_CHUNKED_HEAD + piece(chunk(1)) + piece(DONE))
                await connection.send(LAST_PIECE)
        except asyncio.IncompleteReadError:
            pass

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            handle = use_stream_action(url, client=client)
            async with handle:
                with pytest.raises(RuntimeError, match="open already"):
                    await handle.__aenter__()
                for _ in range(3):
                    await handle.execute()
                    assert handle.status == "done"
            assert connections == [3]

    run(main)


def test_leaving_the_block_stops_the_call_that_runs() -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(chunk(1)))
        await connection.wait_left()

    async def main() -> None:
        async with scripted_server(script) as url:
            seen = asyncio.Event()
            async with use_stream_action(url, on_chunk=lambda _: seen.set()) as handle:
                task = asyncio.create_task(handle.execute())
                await seen.wait()
            await task
            assert (handle.status, handle.complete) == ("done", False)

    run(main)


def test_a_body_that_pauses_outlives_the_read_timeout_of_the_callers_client() -> None:
    async def main() -> None:
        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(UNTIL_CLOSE_HEAD + chunk(1))
            # Longer than each client's own limit; what is asserted is that the stream lives on.
            await asyncio.sleep(0.2)
            await connection.send(DONE)

        async with (
            scripted_server(script) as url,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1, sock_read=0.1)) as session,
            httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(5, read=0.1)) as client,
            httpx2.AsyncClient(trust_env=False, timeout=httpx2.Timeout(5, read=0.1)) as client2,
        ):
            for own in (session, client, client2):
                handle = use_stream_action(url, client=own)
                await handle.execute()
                assert handle.status == "done"

    run(main)
