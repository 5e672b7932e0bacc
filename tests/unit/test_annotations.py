"""What a handler says of its input and its chunks must not contradict the types that it is defined with."""

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Protocol

import pytest
from pydantic import BaseModel, Field, HttpUrl, PositiveInt, RootModel, TypeAdapter
from typing_extensions import TypedDict

from streamactions import DefinitionError, Stream, StreamAction, define_stream_action


class In(BaseModel):
    prompt: str = ""


class More(In):
    more: int = 0


class Out(BaseModel):
    text: str = ""


@dataclass
class Data:
    text: str


class Typed(TypedDict):
    text: str


class Color(Enum):
    RED = "red"


class HasText(Protocol):
    text: str


UserId = NewType("UserId", int)


def handler_of(annotation: Any) -> Any:
    async def chat(input: Any, stream: Stream) -> None: ...

    chat.__annotations__["input"] = annotation
    return chat


def sender_of(annotation: Any) -> Any:
    async def chat(stream: Any) -> None: ...

    chat.__annotations__["stream"] = annotation
    return chat


@pytest.mark.parametrize(
    ("given", "annotation"),
    [
        *((In, In), (In, "In"), (More, In), (In, BaseModel), (In, Any), (In, object)),
        *((In, In | None), (In, "In | Out"), (In | None, In | None), (In | Out, In | Out | None)),
        *((In, Annotated[In, Field(title="x")]), (Annotated[In, Field(title="x")], In)),
        *((PositiveInt, int), (Annotated[int, Field(gt=0)], "int"), (list[PositiveInt], list[int])),
        *((int, float), (bool, int), (datetime, date), (UserId, UserId), (UserId, int), (Color, Color)),
        *((list[In], list[In]), (list[In], Sequence[In]), (list[More], list[In]), (list[int], list)),
        *((dict[str, int], Mapping[str, int]), (dict[str, int], dict), (tuple[int, ...], tuple[int, ...])),
        *((Typed, Typed), (Typed, dict[str, Any]), (Typed, Mapping[str, Any]), (Data, Data)),
        *((Literal["a", "b"], str), (Literal["a"], Literal["a"]), (type(None), None)),
        *((HttpUrl, str), (In, HasText), (RootModel[int], RootModel[int])),
        *((TypeAdapter(In), Out), (In, "Unknown"), (In, "Unknown | None"), (In, "list[Unknown]")),
    ],
)
def test_an_input_that_fits_its_annotation(given: Any, annotation: Any) -> None:
    assert isinstance(define_stream_action(handler_of(annotation), input=given), StreamAction)


@pytest.mark.parametrize(
    ("given", "annotation"),
    [
        *((In, Out), (In, "Out"), (In, More), (In, dict), (In, str), (In, Out | None), (In | None, In)),
        *((In, Annotated[Out, Field(title="x")]), (int, str), (float, int), (str, int), (PositiveInt, str)),
        *((list[In], In), (In, list[In]), (list[In], list[Out]), (dict[str, int], dict[str, str])),
        *((Typed, In), (Data, In), (In, Data), (Literal["a"], int), (Color, str), (None | int, int)),
        *((list[int], dict[str, int]), (UserId, str)),
    ],
)
def test_an_input_that_contradicts_its_annotation(given: Any, annotation: Any) -> None:
    with pytest.raises(DefinitionError, match=r"by input=.*: write the same type twice") as refusal:
        define_stream_action(handler_of(annotation), input=given)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "annotation"),
    [(Out, Stream[Out]), (Out, Stream), (Out, "Stream[Out]"), (In, Stream[More]), (In | Out, Stream[Out])],
)
def test_an_output_that_fits_the_stream(given: Any, annotation: Any) -> None:
    assert isinstance(define_stream_action(sender_of(annotation), output=given), StreamAction)


@pytest.mark.parametrize(
    ("given", "annotation"),
    [
        (Out, Stream[In]),
        (Out, "Stream[In]"),
        (More, Stream[In]),
        (Out, Stream[Out | None]),
        (int, Stream[str]),
    ],
)
def test_an_output_that_contradicts_the_stream(given: Any, annotation: Any) -> None:
    with pytest.raises(DefinitionError, match=r"takes stream: Stream\[.*\], but output=.*: write Stream\["):
        define_stream_action(sender_of(annotation), output=given)


def test_the_function_below_a_wrapper_counts() -> None:
    def traced(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> None:
            await function(*args, **kwargs)

        return wrapper

    class Handler:
        async def __call__(self, input: Out, stream: Stream) -> None: ...

    handlers: list[Any] = [traced(handler_of("Out")), functools.partial(handler_of(Out)), Handler()]
    for wrong in (*handlers, Handler().__call__):
        with pytest.raises(DefinitionError, match="write the same type twice"):
            define_stream_action(wrong, input=In, name="name")


def test_a_model_that_nothing_validates_is_found_in_a_string_as_well() -> None:
    with pytest.raises(DefinitionError, match=r"write define_stream_action\(input=In\)"):
        define_stream_action(handler_of("In"))
    assert isinstance(define_stream_action(handler_of("Unknown")), StreamAction)
