"""The input that ``serve`` suggests: the author's own, or one that the action takes."""

import datetime
import enum
import uuid
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from streamactions.serve.example_input import make_example_input


class Colour(enum.Enum):
    RED = "red"


class Node(BaseModel):
    label: str = Field(alias="theLabel", min_length=10)
    child: "Node | None" = None
    nodes: "list[Node]"
    optional: int = 3


class Chat(BaseModel):
    prompt: str = Field(min_length=1, examples=["Hello", "Bye"])
    kind: Literal["chat"]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (Chat, {"prompt": "Hello", "kind": "chat"}),
        (Node, {"theLabel": "hello.....", "nodes": []}),
        (Annotated[list[str], Field(min_length=2)], ["hello", "hello"]),
        (tuple[int, str], [1, "hello"]),
        (dict[str, int], {}),
        (Annotated[str, Field(max_length=2)], "he"),
        (Annotated[int, Field(gt=1)], 2),
        (Annotated[int, Field(lt=1)], 0),
        (Annotated[int, Field(multiple_of=7, gt=7)], 14),
        (Annotated[float, Field(gt=0, lt=1)], 0.5),
        (Annotated[float, Field(gt=1)], 2.0),
        (Annotated[float, Field(lt=1)], 0.0),
        (int | str, 1),
        (bool, True),
        (None, None),
        (Any, {}),
        (Colour, "red"),
    ],
)
def test_the_least_that_the_type_asks_for(of: Any, expected: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(of)
    example = make_example_input(adapter)
    assert example == expected
    adapter.validate_python(example)


@pytest.mark.parametrize(
    "of", [datetime.datetime, datetime.date, datetime.time, datetime.timedelta, uuid.UUID, bytes]
)
def test_texts_of_a_certain_form(of: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(of)
    adapter.validate_python(make_example_input(adapter))


@given(st.integers(-50, 50), st.integers(0, 50), st.integers(1, 10), st.booleans(), st.booleans())
def test_whole_numbers_are_within_their_bounds(
    least: int, width: int, step: int, excludes_least: bool, excludes_most: bool
) -> None:
    low, high = ("gt" if excludes_least else "ge"), ("lt" if excludes_most else "le")
    bounds: dict[str, Any] = {low: least, high: least + width, "multiple_of": step}
    numbers = range(least + excludes_least, least + width + (not excludes_most))
    adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(**bounds)])
    if any(number % step == 0 for number in numbers):
        adapter.validate_python(make_example_input(adapter))


def test_without_a_type_or_a_schema_it_is_an_empty_object() -> None:
    class Opaque:
        pass

    opaque: TypeAdapter[Any] = TypeAdapter(Opaque, config={"arbitrary_types_allowed": True})
    assert make_example_input(opaque) == {}
    assert make_example_input(None) == {}


def test_a_type_that_needs_itself_comes_to_an_end() -> None:
    class Endless(BaseModel):
        inner: "Endless"

    Endless.model_rebuild(_types_namespace={"Endless": Endless})
    assert make_example_input(TypeAdapter(Endless)).keys() == {"inner"}
