"""``open_event_stream`` against a real TCP server that follows a script: events, ends, every kind of cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from client_runner import run
from fake_transport import HANG, FakeResponse, FakeTransport
from real_clients import every_client, open_client
from scripted_server import (
    CHUNKED_HEAD,
    KEPT_CHUNKED_HEAD,
    LAST_PIECE,
    UNTIL_CLOSE_HEAD,
    Connection,
    Received,
    length_head,
    piece,
    scripted_server,
)

from streamactions import ActionError, DefinitionError, Event
from streamactions.client import EventStream, open_event_stream

TOKENS: Final = [{"text": "a"}, {"text": "b"}]
BODY: Final = b'data: {"text":"a"}\n\ndata: {"text":"b"}\n\n'
END: Final = b"data: [DONE]\n\n"


@asynccontextmanager
async def answered(kind: str, answer: bytes, **options: Any) -> AsyncIterator[EventStream]:
    """The stream of a server that gives this answer to every request, and closes."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(answer)

    async with (
        scripted_server(script) as url,
        open_client(kind) as client,
        open_event_stream("POST", url, json={}, client=client, **options) as stream,
    ):
        yield stream


async def read_to_the_fault(stream: EventStream) -> tuple[list[Any], ActionError]:
    values: list[Any] = []

    async def read() -> None:
        async for value in stream.values():
            values.append(value)  # noqa: PERF401 - what came before the fault must be kept

    with pytest.raises(ActionError) as caught:
        await read()
    assert not stream.complete
    return values, caught.value


@every_client
def test_events_and_the_request(kind: str) -> None:
    received: list[Received] = []

    async def script(connection: Connection) -> None:
        received.append(await connection.receive())
        body = b"event: a\nid: 7\ndata: {}\n\nretry: 5\ndata: x\n\n" + END + b"data: after\n\n"
        await connection.send(length_head(len(body)) + body)

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            headers = {"Authorization": "Bearer t"}
            async with open_event_stream(
                "post", f"{url}/v1?x=1", json={"q": "é"}, headers=headers, end="[DONE]", client=client
            ) as stream:
                assert stream.status == 200
                assert stream.headers["Content-Type"] == "text/event-stream"
                events = [event async for event in stream]
                assert stream.complete
                assert [event async for event in stream] == []
        assert events == [Event("a", "{}", "7"), Event(data="x", id="7", retry_ms=5)]

    run(main)
    (request,) = received
    assert (request.method, request.path, request.body) == ("POST", "/v1?x=1", '{"q":"é"}'.encode())
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer t"


@every_client
@pytest.mark.parametrize("framing", ["chunked", "length", "until-close"])
def test_values_and_the_clean_end_of_each_framing(kind: str, framing: str) -> None:
    answer = {
        "chunked": CHUNKED_HEAD
        + b"".join(piece(BODY[i : i + 7]) for i in range(0, len(BODY), 7))
        + LAST_PIECE,
        "length": length_head(len(BODY)) + BODY,
        "until-close": UNTIL_CLOSE_HEAD + BODY,
    }[framing]

    async def main() -> None:
        async with answered(kind, answer) as stream:
            assert [value async for value in stream.values()] == TOKENS
            assert stream.complete

    run(main)


CUTS: Final[dict[str, bytes]] = {
    "chunked-between-pieces": CHUNKED_HEAD + piece(BODY),
    "chunked-within-a-piece": CHUNKED_HEAD + piece(BODY)[:-1],
    "chunked-within-a-size": CHUNKED_HEAD + piece(BODY) + b"1",
    "length-short": length_head(len(BODY) + 1) + BODY,
    "within-an-event": CHUNKED_HEAD + piece(BODY + b"data: {}\n") + LAST_PIECE,
    "within-a-line": UNTIL_CLOSE_HEAD + BODY + b"data: {",
}


@every_client
@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_body_is_an_error_without_any_promise_of_an_end(kind: str, cut: str) -> None:
    async def main() -> None:
        async with answered(kind, CUTS[cut]) as stream:
            values, error = await read_to_the_fault(stream)
            assert (values, error.code, error.status_code) == (TOKENS, "STREAM_INCOMPLETE", 502)

    run(main)


@every_client
@pytest.mark.parametrize("framing", ["chunked", "length", "until-close"])
def test_a_promised_end_that_does_not_come_is_an_error(kind: str, framing: str) -> None:
    answer = {
        "chunked": CHUNKED_HEAD + piece(BODY) + LAST_PIECE,
        "length": length_head(len(BODY)) + BODY,
        "until-close": UNTIL_CLOSE_HEAD + BODY,
    }[framing]

    async def main() -> None:
        promises: list[dict[str, str]] = [{"end": "[DONE]"}, {"end_event": "stop"}]
        for promise in promises:
            async with answered(kind, answer, **promise) as stream:
                values, error = await read_to_the_fault(stream)
                assert (values, error.code) == (TOKENS, "STREAM_INCOMPLETE")

    run(main)


@every_client
def test_a_reset_is_an_error(kind: str) -> None:
    """Also where the body would end with its connection, so that an end and a reset look alike."""

    async def main() -> None:
        for head in (UNTIL_CLOSE_HEAD, CHUNKED_HEAD):
            seen = asyncio.Event()

            async def script(connection: Connection, head: bytes = head, seen: asyncio.Event = seen) -> None:
                await connection.receive()
                await connection.send(head + (piece(BODY) if head is CHUNKED_HEAD else BODY))
                await seen.wait()
                connection.reset()

            async with (
                scripted_server(script) as url,
                open_client(kind) as client,
                open_event_stream("GET", url, client=client) as stream,
            ):
                values = stream.values()
                assert [await anext(values), await anext(values)] == TOKENS
                seen.set()
                with pytest.raises(ActionError) as caught:
                    await anext(values)
                assert caught.value.code == "STREAM_INCOMPLETE"

    run(main)


@every_client
def test_a_last_event_known_by_its_type_is_given(kind: str) -> None:
    body = b'event: delta\ndata: {"n":1}\n\nevent: stop\ndata: {"usage":2}\n\nevent: late\ndata: {}\n\n'

    async def main() -> None:
        answer = CHUNKED_HEAD + piece(body)  # What follows the last event no longer matters.
        async with answered(kind, answer, end_event="stop") as stream:
            assert [value async for value in stream.values()] == [{"n": 1}, {"usage": 2}]
            assert stream.complete
        async with answered(kind, answer, end_event="stop") as stream:
            assert [event.event async for event in stream] == ["delta", "stop"]

    run(main)


@every_client
@pytest.mark.parametrize(
    ("answer", "code", "status_code"),
    [
        (length_head(2, b"401 Unauthorized", b"application/json") + b"{}", "HTTP_ERROR", 401),
        (length_head(2, b"500 Internal Server Error", b"application/json") + b"{}", "HTTP_ERROR", 500),
        (length_head(2, content_type=b"application/json") + b"{}", "NOT_AN_EVENT_STREAM", 502),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "CONNECTION_ERROR", 502),
        (b"", "CONNECTION_ERROR", 502),
    ],
    ids=["4xx", "5xx", "json", "not-http", "no-answer"],
)
def test_failures_on_entering(kind: str, answer: bytes, code: str, status_code: int) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(answer)

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            with pytest.raises(ActionError) as caught:
                async with open_event_stream("GET", url, client=client):
                    pytest.fail("there is no stream")
            assert (caught.value.code, caught.value.status_code) == (code, status_code)

    run(main)


@every_client
def test_leaving_closes_the_connection(kind: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(BODY))
        await connection.wait_left()

    async def read_on(url: str, client: Any) -> None:
        async with open_event_stream("GET", url, client=client) as stream:
            async for value in stream.values():
                await seen.put(value)

    seen = asyncio.Queue[Any]()

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            async with open_event_stream("GET", url, client=client) as stream:
                async for value in stream.values():
                    assert value == TOKENS[0]
                    break
            with pytest.raises(LookupError):
                async with open_event_stream("GET", url, client=client):
                    raise LookupError
            task = asyncio.create_task(read_on(url, client))
            assert await seen.get() == TOKENS[0]
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled()

    run(main)


@every_client
def test_a_loop_goes_on_where_another_one_stopped(kind: str) -> None:
    async def main() -> None:
        body = b"".join(b"data: %d\n\n" % number for number in range(6))
        async with answered(kind, length_head(len(body)) + body) as stream:
            async for event in stream:
                assert event.data == "0"
                break
            # What was read as events may be asked for as values.
            async for value in stream.values():
                if value == 2:
                    break
            assert [value async for value in stream.values()] == [3, 4, 5]
            assert stream.complete

    run(main)


@every_client
def test_what_was_read_as_values_cannot_be_given_as_events(kind: str) -> None:
    async def main() -> None:
        async with answered(kind, length_head(len(BODY)) + BODY) as stream:
            assert await anext(stream.values()) == TOKENS[0]
            with pytest.raises(RuntimeError, match=r"read by values\(\)"):
                await anext(aiter(stream))

    run(main)


@every_client
def test_a_wait_that_is_cancelled_loses_nothing(kind: str) -> None:
    async def main() -> None:
        asked = asyncio.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(CHUNKED_HEAD + piece(BODY[:30]))
            await asked.wait()
            await connection.send(piece(BODY[30:]) + LAST_PIECE)

        async with (
            scripted_server(script) as url,
            open_client(kind) as client,
            open_event_stream("GET", url, client=client) as stream,
        ):
            values = stream.values()
            assert await anext(values) == TOKENS[0]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(values), 0.01)
            if kind.startswith("httpx"):
                # These close a body whose read was cancelled, so it is cut, and that is said.
                asked.set()
                assert (await read_to_the_fault(stream))[1].code == "STREAM_INCOMPLETE"
                return
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(values), 0.01)
            asked.set()
            assert [value async for value in values] == TOKENS[1:]

    run(main)


@every_client
def test_a_second_task_cannot_wait_for_the_same_stream(kind: str) -> None:
    async def main() -> None:
        asked = asyncio.Event()

        async def script(connection: Connection) -> None:
            await connection.receive()
            await connection.send(CHUNKED_HEAD)
            await asked.wait()
            await connection.send(piece(BODY) + LAST_PIECE)

        async with (
            scripted_server(script) as url,
            open_client(kind) as client,
            open_event_stream("GET", url, client=client) as stream,
        ):
            first = asyncio.ensure_future(anext(stream.values()))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="in one task at a time"):
                await anext(stream.values())
            asked.set()
            assert await first == TOKENS[0]
            assert [value async for value in stream.values()] == TOKENS[1:]

    run(main)


@every_client
def test_a_stream_is_opened_once(kind: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(BODY) + LAST_PIECE)

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            opening = open_event_stream("GET", url, client=client)
            async with opening as stream:
                assert [value async for value in stream.values()] == TOKENS
                with pytest.raises(RuntimeError, match="was opened already"):
                    await opening.__aenter__()

    run(main)


@every_client
def test_a_client_of_ones_own_keeps_its_connection(kind: str) -> None:
    connections: list[int] = []

    async def script(connection: Connection) -> None:
        connections.append(0)
        try:
            while True:
                await connection.receive()
                connections[-1] += 1
                await connection.send(KEPT_CHUNKED_HEAD + piece(BODY + END))
                await connection.send(LAST_PIECE)
        except asyncio.IncompleteReadError:
            pass

    async def main() -> None:
        async with scripted_server(script) as url, open_client(kind) as client:
            for _ in range(3):
                async with open_event_stream("GET", url, end="[DONE]", client=client) as stream:
                    assert [value async for value in stream.values()] == TOKENS

    run(main)
    assert connections == ([1, 1, 1] if kind == "default" else [3])


LIMITS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "total": ({"timeout": 0.05, "idle_timeout_s": 9, "first_event_timeout_s": 9}, "timed out after 0.05"),
    "idle": ({"timeout": 9, "idle_timeout_s": 0.05}, "was idle for 0.05"),
    "first": ({"timeout": 9, "first_event_timeout_s": 0.05}, "first event did not come within 0.05"),
}


async def read_with_limits(*steps: Any, **options: Any) -> tuple[list[Any], ActionError]:
    async with open_event_stream(
        "GET", "http://test/", client=FakeTransport(FakeResponse(*steps)), **options
    ) as stream:
        return await read_to_the_fault(stream)


@pytest.mark.parametrize("limit", LIMITS)
def test_limits(limit: str) -> None:
    options, message = LIMITS[limit]

    async def main() -> None:
        values, error = await read_with_limits(b": keep-alive\n\n", HANG, **options)
        assert (values, error.code, error.status_code) == ([], "TIMEOUT_ERROR", 408)
        assert message in error.message

    run(main)


@every_client
@pytest.mark.parametrize("limit", LIMITS)
def test_limits_of_a_server_that_says_nothing_more(kind: str, limit: str) -> None:
    options, message = LIMITS[limit]

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD + piece(b": keep-alive\n\n"))
        await connection.wait_left()

    async def main() -> None:
        async with (
            scripted_server(script) as url,
            open_client(kind) as client,
            open_event_stream("GET", url, client=client, **options) as stream,
        ):
            values, error = await read_to_the_fault(stream)
            assert (values, error.code) == ([], "TIMEOUT_ERROR")
            assert message in error.message

    run(main)


@every_client
def test_a_limit_that_is_reached_between_two_reads_is_raised_by_the_next(kind: str) -> None:
    async def main() -> None:
        async with answered(kind, CHUNKED_HEAD + piece(BODY) + LAST_PIECE, timeout=0.1) as stream:
            values = stream.values()
            assert [await anext(values), await anext(values)] == TOKENS
            await asyncio.sleep(0.2)
            with pytest.raises(ActionError, match=r"timed out after 0\.1 seconds"):
                await anext(values)

    run(main)


@every_client
def test_each_byte_starts_the_idle_limit_anew(kind: str) -> None:
    """Four pauses that are each under the limit, and more than that together."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(CHUNKED_HEAD)
        for number in range(4):
            await asyncio.sleep(0.15)
            await connection.send(piece(b"data: %d\n\n" % number if number % 2 else b":\n\n"))
        await connection.send(LAST_PIECE)

    async def main() -> None:
        async with (
            scripted_server(script) as url,
            open_client(kind) as client,
            open_event_stream("GET", url, client=client, idle_timeout_s=0.4) as stream,
        ):
            assert [value async for value in stream.values()] == [1, 3]

    run(main)


def test_the_first_events_limit_ends_with_the_first_event() -> None:
    async def main() -> None:
        values, error = await read_with_limits(b"data: 1\n\n", HANG, first_event_timeout_s=0.1, timeout=0.3)
        assert (values, error.message) == ([1], "The stream timed out after 0.3 seconds")

    run(main)


@pytest.mark.parametrize("read", [EventStream.__aiter__, EventStream.values])
def test_an_event_that_is_too_large_comes_after_the_good_ones(read: Callable[[EventStream], Any]) -> None:
    async def main() -> None:
        transport = FakeTransport(FakeResponse(b"data: 1\n\ndata: " + b"9" * 20))
        async with open_event_stream("GET", "http://test/", client=transport, max_event_bytes=10) as stream:
            items = read(stream)
            await anext(items)
            with pytest.raises(ActionError, match="more than 10 bytes") as caught:
                await anext(items)
            assert caught.value.code == "EVENT_TOO_LARGE"

    run(main)


def test_values_that_are_not_json() -> None:
    async def main() -> None:
        transport = FakeTransport(FakeResponse(b"data: 1\n\ndata: x\n\n"))
        async with open_event_stream("GET", "http://test/", client=transport) as stream:
            values, error = await read_to_the_fault(stream)
            assert (values, error.code) == ([1], "INVALID_CHUNK")

    run(main)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "/x"}, "is no absolute URL"),
        ({"end": "{}"}, "is JSON"),
        ({"end": "x", "end_event": "y"}, "not both"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"idle_timeout_s": -1}, "idle_timeout_s must be more than 0"),
        ({"client": object()}, "client must be"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    async def main() -> None:
        with pytest.raises(DefinitionError, match=message):
            async with open_event_stream("GET", **{"url": "http://test/", **options}):
                pytest.fail("it opened")

    run(main)


def test_json_that_cannot_be_sent() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="cannot be sent"):
            async with open_event_stream("POST", "http://test/", json=object()):
                pytest.fail("it opened")

    run(main)
