"""From raw input to the handler's: what is taken, and how what is wrong with it is told."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, model_validator
from typing_extensions import TypedDict

from streamactions import ActionError, Stream, define_stream_action


class Model(BaseModel):
    a: int
    b: list[str] = []


@dataclass
class Data:
    a: int


class Typed(TypedDict):
    a: int


def read(input: Any, body: bytes = b"", *, method: str = "POST", query: bytes = b"") -> Any:
    async def handler(input: Any, stream: Stream) -> None: ...

    return define_stream_action(handler, input=input, method=method).read_input(body, query)


def refusal(input: Any, body: bytes) -> ActionError:
    with pytest.raises(ActionError) as raised:
        read(input, body)
    return raised.value


@pytest.mark.parametrize(
    ("input", "body", "value"),
    [
        (Model, b'{"a":1}', Model(a=1)),
        (Data, b'{"a":1}', Data(1)),
        (Typed, b'{"a":1}', {"a": 1}),
        (list[int], b"[1,2]", [1, 2]),
        (int | str, b'"x"', "x"),
        (TypeAdapter(dict[str, int]), b'{"a":1}', {"a": 1}),
        (None, b'{"a":[1,null,"x"]}', {"a": [1, None, "x"]}),
        (None, b"1", 1),
        (None, b"", {}),
        (dict[str, int], b"", {}),
    ],
)
def test_what_is_taken(input: Any, body: bytes, value: Any) -> None:
    assert read(input, body) == value


@pytest.mark.parametrize("input", [None, Model, list[int]])
@pytest.mark.parametrize("body", [b"{", b"{'a':1}", b"[1,]", b"\xff", b"\x00", b" ", b'{"a":1}x', b"nul"])
def test_what_is_no_json(input: Any, body: bytes) -> None:
    error = refusal(input, body)
    assert (error.code, error.status_code, error.field_errors) == ("INVALID_JSON", 400, None)


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


class Nested(BaseModel):
    items: list[Model] = Field(max_length=2)
    by_name: dict[str, Annotated[int, AfterValidator(_even)]] = {}
    renamed: int = Field(default=1, alias="fileCount")


@pytest.mark.parametrize(
    ("body", "field_errors"),
    [
        (b"{}", {"items": ["Field required"]}),
        (b'{"items":[{"a":1},{}]}', {"items.1.a": ["Field required"]}),
        (b'{"items":[],"by_name":{"x":1}}', {"by_name.x": ["Value error, must be even"]}),
        (
            b'{"items":[],"fileCount":"x"}',
            {"fileCount": ["Input should be a valid integer, unable to parse string as an integer"]},
        ),
    ],
)
def test_what_is_wrong_is_told_by_field(body: bytes, field_errors: dict[str, list[str]]) -> None:
    error = refusal(Nested, body)
    assert (error.code, error.message, error.status_code) == (
        "VALIDATION_ERROR",
        "Input validation failed",
        422,
    )
    assert error.field_errors == field_errors


class Checked(BaseModel):
    a: int

    @model_validator(mode="after")
    def check(self) -> "Checked":
        raise ValueError("no such thing")


def test_what_is_wrong_with_the_whole_has_a_key_too() -> None:
    error = refusal(Checked, b'{"a":1}')
    assert error.field_errors is not None
    assert list(error.field_errors.values()) == [["Value error, no such thing"]]


def test_several_messages_for_one_field_are_all_told() -> None:
    error = refusal(Annotated[int | bool, Field()], b'"x"')
    assert error.field_errors is not None
    assert sum(len(texts) for texts in error.field_errors.values()) == 2


@given(st.binary())
def test_no_body_does_anything_but_pass_or_be_refused(body: bytes) -> None:
    for input in (None, Model, dict[str, int]):
        with suppress(ActionError):
            read(input, body)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (b"", {}),
        (b"a=1", {"a": "1"}),
        (b"a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"a=x%20y+z%26", {"a": "x y z&"}),
        (b"a=%C3%A9", {"a": "é"}),
    ],
)
def test_a_query_is_an_input(query: bytes, value: dict[str, Any]) -> None:
    assert read(None, method="GET", query=query) == value


def test_a_query_is_validated() -> None:
    assert read(Model, method="GET", query=b"a=1&b=x&b=y") == Model(a=1, b=["x", "y"])
    with pytest.raises(ActionError) as raised:
        read(Model, method="GET", query=b"a=x")
    assert raised.value.field_errors is not None
    assert list(raised.value.field_errors) == ["a"]
