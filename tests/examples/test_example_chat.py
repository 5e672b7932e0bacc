"""``examples/chat.py`` with its real model, as a user serves it."""

import re
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from cli.commands import BOUND_S, PROGRAM, Served, environment, serve
from examples.calls import EXAMPLES, call, take

MAX_ANSWER_TOKENS: Final = 256
PATH: Final = "/api/_actions/ai-chat"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(EXAMPLES / "chat.py") as served:
        yield served


def test_the_suggested_call_prints_an_answer(served: Served) -> None:
    (suggestion,) = served.calls
    finished = subprocess.run(
        [PROGRAM, *suggestion[1:]], capture_output=True, env=environment(), timeout=BOUND_S, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert len(finished.stdout.split()) > 5


def test_a_client_that_leaves_stops_the_model_between_two_tokens(served: Served) -> None:
    tokens = take(served.url + PATH, {"prompt": "Tell me a very long story about the sea."}, 5)
    assert [list(token) for token in tokens] == [["text"]] * 5
    # A token is a word or less: they came one by one, long before the answer was complete.
    assert all(len(token["text"].split()) <= 1 for token in tokens)
    (line,) = served.log.wait_for("answer stopped after ")
    assert 5 <= int(line.split()[-2]) < MAX_ANSWER_TOKENS


def test_more_answers_than_the_model_gives_at_once(served: Served) -> None:
    command = [PROGRAM, "call", served.url + PATH, '{"prompt":"Say hello."}']
    calls = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) for _ in range(4)]
    outputs = [running.communicate(timeout=BOUND_S)[0] for running in calls]
    assert [running.returncode for running in calls] == [0] * 4
    assert all(outputs)


@pytest.mark.parametrize(
    ("input", "message"),
    [
        ({"prompt": ""}, "at least 1 character"),
        ({"prompt": "x" * 2001}, "at most 2000 characters"),
        ({}, "Field required"),
    ],
)
def test_a_prompt_that_is_refused(served: Served, input: dict[str, str], message: str) -> None:
    chunks, error = call(served.url + PATH, input)
    assert chunks == []
    assert error is not None
    assert (error.code, error.status_code) == ("VALIDATION_ERROR", 422)
    assert error.field_errors is not None
    assert list(error.field_errors) == ["prompt"]
    assert message in error.field_errors["prompt"][0]


def test_a_prompt_that_the_model_has_no_room_for(served: Served) -> None:
    chunks, error = call(served.url + PATH, {"prompt": "\N{NAZAR AMULET}" * 2000})
    assert chunks == []
    assert error is not None
    assert (error.code, error.status_code) == ("PROMPT_TOO_LONG", 422)
    assert re.search(r"\d+ tokens: shorten it", error.message)
