"""What type checkers say of programs that use actions: wrong ones are seen, and right ones left alone.

Each program is checked by mypy --strict and by pyright in its strict mode, as a user's own would be. A line
that has to be refused ends with ``# wrong``; every other line has to pass.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

BOUND_S: Final = 300.0
"""Turns a hang into a failure: the first look at all the packages takes a while."""

HEAD: Final = """
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypedDict, assert_type

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from streamactions import (
    Stream, StreamAction, StreamHandle, define_middleware, define_stream_action, use_stream_action
)
from streamactions.testing import collect


class In(BaseModel):
    prompt: str


class Out(BaseModel):
    text: str


class Other(BaseModel):
    number: int


class More(In):
    more: int


class Token(TypedDict):
    text: str
"""

RIGHT: Final = {
    "decorator": """
@define_stream_action(input=In, output=Out)
async def chat(input: In, stream: Stream[Out]) -> None:
    await stream.send(Out(text=input.prompt))

assert_type(chat, StreamAction[In, Out])
assert_type(use_stream_action(chat, base_url="http://h"), StreamHandle[Out])
""",
    "call": """
async def chat(input: In, stream: Stream[Out]) -> None: ...

action = define_stream_action(chat, input=In, output=Out, name="other", keep_alive_s=5)
assert_type(action, StreamAction[In, Out])

async def main() -> None:
    assert_type(await collect(action, {"prompt": "x"}), list[Out])
    handle = use_stream_action(action, base_url="http://h", on_chunk=lambda chunk: print(chunk.text))
    async for chunk in handle.stream(In(prompt="x")):
        assert_type(chunk, Out)
""",
    "nothing is named": """
@define_stream_action
async def bare(input: dict[str, Any], stream: Stream) -> None:
    await stream.send({"any": [1, None]})
    await stream.send(5)

assert_type(bare, StreamAction[dict[str, Any], Any])
assert_type(use_stream_action(bare, base_url="http://h"), StreamHandle[Any])
assert_type(use_stream_action("http://h/x"), StreamHandle[Any])
assert_type(use_stream_action("http://h/x", output=Out), StreamHandle[Out])
""",
    "any order and choice of parameters": """
@define_stream_action(input=In, output=Out)
async def one(event: Request, ctx: dict[str, Any], stream: Stream[Out], input: In) -> None: ...

@define_stream_action(output=Out)
async def two(stream: Stream[Out], ctx: dict[str, Any]) -> None: ...

@define_stream_action
async def three(event: Request, stream: Stream, *, limit: int = 5) -> None: ...

@define_stream_action(input=In)
async def four(stream: Stream[Token], input: In) -> None:
    await stream.send({"text": "x"})

@define_stream_action(input=In, output=Out)
async def five(response: Response, input: In, stream: Stream[Out]) -> None:
    response.headers["x"] = "y"

@define_stream_action(input=In, output=Out)
async def six(
    response: Response, event: Request, ctx: dict[str, Any], stream: Stream[Out], input: In
) -> None: ...

assert_type(six, StreamAction[In, Out])
""",
    "functions that are not async": """
@define_stream_action(input=In, output=Out)
def chat(input: In, stream: Stream[Out]) -> None:
    stream.send_from_thread(Out(text=input.prompt))

@define_stream_action(output=Out)
def models(response: Response) -> Iterator[Out]:
    yield Out(text="x")

assert_type(chat, StreamAction[In, Out])
assert_type(models, StreamAction[Any, Out])
""",
    "generators": """
@define_stream_action(output=Out)
async def models() -> AsyncIterator[Out]:
    yield Out(text="x")

@define_stream_action(input=In, output=Out)
async def mappings(input: In, ctx: dict[str, Any]) -> AsyncIterator[dict[str, str]]:
    yield {"text": input.prompt}

@define_stream_action
async def numbers(event: Request) -> AsyncIterator[int]:
    yield 1
""",
    "forms that are no classes": """
@define_stream_action(input=int | None, output=list[Out])
async def union(input: int | None, stream: Stream[list[Out]]) -> None:
    await stream.send([Out(text="x")])

@define_stream_action(input=TypeAdapter(list[int]), output=TypeAdapter(Out))
async def adapters(input: list[int], stream: Stream[Out]) -> None: ...
""",
    "a handler that takes more than it gets": """
@define_stream_action(input=More)
async def wider(input: In, stream: Stream) -> None: ...

@define_stream_action(input=In)
async def whatever(input: object, stream: Stream) -> None: ...
""",
    "options": """
@define_middleware
async def guard(event: Request, next: Any) -> Any:
    return await next()

@define_stream_action(middleware=[guard], metadata={"role": "x"}, method="GET", on_disconnect="continue")
async def guarded(stream: Stream[int]) -> None:
    await stream.send(1)
    async def numbers() -> AsyncIterator[int]:
        yield 1
    await stream.send_each(numbers())
    await stream.send_each(numbers(), lambda number: number + 1 if number else None)
    await stream.close()
""",
}

WRONG: Final = {
    "a chunk of another type": """
@define_stream_action(output=Out)
async def chat(stream: Stream[Out]) -> None:
    await stream.send(Other(number=1))  # wrong
    await stream.send({"text": "x"})  # wrong
""",
    "a chunk that lacks a key": """
@define_stream_action
async def chat(stream: Stream[Token]) -> None:
    await stream.send({"txet": "x"})  # wrong
""",
    "a send that is not awaited": """
@define_stream_action
async def chat(stream: Stream) -> None:
    stream.send(1)  # wrong
""",
    "a chunk of another type from a thread": """
@define_stream_action(output=Out)
def chat(stream: Stream[Out]) -> None:
    stream.send_from_thread(Other(number=1))  # wrong
""",
    "a generator of another type that is not async": """
@define_stream_action(output=Out)  # wrong
def chat() -> Iterator[int]:
    yield 1
""",
    "a response of another type": """
@define_stream_action  # wrong
async def chat(stream: Stream, response: int) -> None: ...
""",
    "items of another type": """
@define_stream_action
async def chat(stream: Stream[int]) -> None:
    async def words() -> AsyncIterator[str]:
        yield "x"
    await stream.send_each(words())  # wrong
""",
    "another input, as a decorator": """
@define_stream_action(input=In)  # wrong
async def chat(input: Out, stream: Stream) -> None: ...
""",
    "another input, as a call": """
async def chat(input: Out, stream: Stream) -> None: ...

define_stream_action(chat, input=In)  # wrong
""",
    "a narrower input": """
@define_stream_action(input=In)  # wrong
async def chat(input: More, stream: Stream) -> None: ...
""",
    "another output, as a decorator": """
@define_stream_action(input=In, output=Out)  # wrong
async def chat(input: In, stream: Stream[Other]) -> None: ...
""",
    "another output, as a call": """
async def chat(input: In, stream: Stream[Other]) -> None: ...

define_stream_action(chat, input=In, output=Out)  # wrong
""",
    "a generator of another type": """
@define_stream_action(output=Out)  # wrong
async def chat() -> AsyncIterator[int]:
    yield 1
""",
    "a parameter that there is not": """
@define_stream_action  # wrong
async def chat(prompt: str, stream: Stream) -> None: ...
""",
    "a handler that returns something": """
@define_stream_action  # wrong
async def chat(stream: Stream) -> str:
    return "x"
""",
    "an option that there is not": """
@define_stream_action(midleware=[])  # wrong
async def chat(stream: Stream) -> None: ...
""",
    "an option of another type": """
@define_stream_action(on_disconnect="stop")  # wrong
async def chat(stream: Stream) -> None: ...
""",
    "a handle of another type": """
@define_stream_action(output=Out)
async def chat(stream: Stream[Out]) -> None: ...

handle: StreamHandle[Other] = use_stream_action(chat, base_url="http://h")  # wrong

async def main() -> None:
    async for chunk in use_stream_action(chat, base_url="http://h").stream():
        print(chunk.number)  # wrong
    print((await collect(chat))[0].number)  # wrong
""",
}

PROGRAMS: Final = {**RIGHT, **WRONG}


def file_name(title: str) -> str:
    return f"program_{re.sub('[^a-z]', '_', title)}.py"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for title, code in PROGRAMS.items():
        (folder / file_name(title)).write_text(HEAD + code)
    return folder


def ask_mypy(folder: Path, name: str) -> set[int]:
    """The lines of a program of which mypy --strict says something.

    Each program is checked alone, as it would be by its author: in one run with the others, mypy 2.4.1 loses
    errors of some in which an overload fails.
    """
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert checked.stderr == ""
    print(checked.stdout)
    return {int(line) for line in re.findall(rf"^{name}:(\d+): error: ", checked.stdout, re.M)}


def ask_pyright(folder: Path, name: str) -> set[int]:
    """The lines of a program of which pyright says something in its strict mode."""
    return {line for program, line in _ask_pyright(folder) if program == name}


@cache
def _ask_pyright(folder: Path) -> set[tuple[str, int]]:
    # Programs that are as short as these use little of what they import and define.
    unused = {f"reportUnused{what}": False for what in ("Import", "Class", "Function")}
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", **unused}))
    checked = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, "."],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    found = json.loads(checked.stdout)["generalDiagnostics"]
    print(checked.stdout)
    return {
        (Path(said["file"]).name, said["range"]["start"]["line"] + 1)
        for said in found
        if said["severity"] == "error"
    }


@pytest.mark.parametrize("ask", [ask_mypy, ask_pyright])
@pytest.mark.parametrize("title", PROGRAMS)
def test_what_a_type_checker_says(folder: Path, title: str, ask: Callable[[Path, str], set[int]]) -> None:
    code = (HEAD + PROGRAMS[title]).splitlines()
    wrong = {number for number, line in enumerate(code, 1) if line.endswith("# wrong")}
    said = ask(folder, file_name(title))
    assert said == wrong, [code[line - 1] for line in sorted(said ^ wrong)]
