"""From raw input to the handler's: what is taken, and how what is wrong with it is told."""

import re
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    TypeAdapter,
    create_model,
    model_validator,
)
from typing_extensions import TypedDict

from streamactions import ActionError, DefinitionError, Stream, define_stream_action
from streamactions.fail_fast import MAX_PATIENT_BYTES
from streamactions.field_errors import MAX_FIELD_ERRORS, MAX_MESSAGE_CHARACTERS, MAX_PATH_CHARACTERS, ROOT
from streamactions.inputs import MAX_QUERY_FIELDS

make_typed_dict: Any = TypedDict


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


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (list[int], [5]),
        (set[int], {5}),
        (frozenset[int], frozenset((5,))),
        (tuple[int, ...], (5,)),
        (deque[int], deque((5,))),
        (Sequence[int], [5]),
        (list[int] | None, [5]),
        (list[int] | bool, [5]),
        (Annotated[list[int], Field(max_length=1)], [5]),
        (list[Literal["5"]], ["5"]),
        (int, 5),
        (str | list[str], "5"),
    ],
)
def test_a_single_value_is_a_list_where_the_type_asks_for_one(of: Any, value: Any) -> None:
    for input in (create_model("Query", a=(of, ...)), make_typed_dict("Query", {"a": of})):
        got = read(input, method="GET", query=b"a=5&other=1")
        assert (got["a"] if isinstance(got, dict) else got.a) == value
    aliased = create_model("Query", a=(of, Field(validation_alias=AliasChoices("x", "y"))))
    assert read(aliased, method="GET", query=b"y=5").a == value


def test_what_is_left_out_is_none_where_it_may_be() -> None:
    query = create_model("Query", a=(int | None, ...), b=(list[str] | None, ...), c=(str, ...), d=(int, 3))
    assert read(query, method="GET", query=b"c=x").model_dump() == {"a": None, "b": None, "c": "x", "d": 3}
    error = query_refusal(query, b"b=y&d=z")
    assert error.field_errors == {
        "c": ["Field required"],
        "d": ["Input should be a valid integer, unable to parse string as an integer"],
    }
    assert query_refusal(create_model("Query", a=(list[int], ...)), b"").field_errors == {
        "a": ["Field required"]
    }
    assert query_refusal(create_model("Query", a=(list[int], ...)), b"a=x").field_errors == {
        "a.0": ["Input should be a valid integer, unable to parse string as an integer"]
    }


class Inner(BaseModel):
    a: int


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    "of",
    [
        Inner,
        Inner | None,
        list[Inner],
        list[list[int]],
        dict[str, int],
        tuple[Inner, int],
        list[dict[str, int]],
        list[Inner] | Inner,
        create_model("Root", root=(int, ...), __base__=Inner),
    ],
)
def test_what_no_query_can_hold_is_refused_at_definition(of: Any) -> None:
    for input in (
        create_model("Query", a=(of, ...)),
        create_model("Query", a=(of, ...)) | create_model("Other", b=(int, ...)),
        make_typed_dict("Query", {"a": of}),
    ):
        with pytest.raises(DefinitionError, match="no query can hold the field 'a'"):
            read(input, method="GET")
    with pytest.raises(DefinitionError, match="the values of a dict"):
        read(dict[str, of], method="GET")


@pytest.mark.parametrize("input", [list[int], int, str, Colour])
def test_an_input_that_is_no_object_is_refused_at_definition(input: Any) -> None:
    with pytest.raises(DefinitionError, match="that is no object"):
        read(input, method="GET")


@pytest.mark.parametrize(
    ("of", "text", "value"),
    [
        (Any, "x", "x"),
        (Colour, "red", Colour.RED),
        (Json[Inner], '{"a":1}', Inner(a=1)),
        (list[Json[Inner]], '{"a":1}', [Inner(a=1)]),
        (int | Inner, "1", 1),
        (None, None, None),
        (list[Any], "x", ["x"]),
    ],
)
def test_what_a_query_can_hold_is_taken(of: Any, text: str | None, value: Any) -> None:
    query = b"" if text is None else urlencode({"a": text}).encode()
    assert read(create_model("Query", a=(of, ...)), method="GET", query=query).a == value


def size(error: ActionError) -> int:
    return len(orjson.dumps(error.to_wire()))


def messages(error: ActionError) -> list[str]:
    assert error.field_errors is not None
    return [text for texts in error.field_errors.values() for text in texts]


class Row(BaseModel):
    id: int
    name: str = Field(max_length=3)
    tags: list[str] = []


class Recursive(BaseModel):
    children: "dict[str, Recursive]" = {}
    value: int


MANY: list[tuple[Any, bytes]] = [
    (list[int], b"[" + b",".join([b'""'] * 340_000) + b"]"),
    (list[int], b"[" + b",".join([b"{}"] * 101) + b"]"),
    (dict[str, int], b"{" + b",".join(b'"%d":""' % i for i in range(90_000)) + b"}"),
    (list[list[int]], b"[" + b",".join([b'["",""]'] * 10_000) + b"]"),
    (list[Row], b"[" + b",".join([b"{}"] * 300_000) + b"]"),
    (list[Row], b"[" + b",".join([b"{}"] * 5000) + b"]"),
    (Nested, b'{"by_name":{' + b",".join(b'"%d":1' % i for i in range(1000)) + b'},"items":[]}'),
    (list[int | bool], b"[" + b",".join([b'"x"'] * 1000) + b"]"),
    (set[int], b"[" + b",".join([b'"x"'] * 1000) + b"]"),
]


@pytest.mark.parametrize(("input", "body"), MANY)
def test_a_hundred_mistakes_are_told_and_how_many_there_are_beside(input: Any, body: bytes) -> None:
    error = refusal(input, body)
    assert error.field_errors is not None
    assert error.code == "VALIDATION_ERROR"
    assert size(error) < 32_000
    told = messages(error)
    assert len(told) == MAX_FIELD_ERRORS + 1
    assert re.fullmatch(
        r"\d+ more problems are not listed|There may be more problems: .*", error.field_errors[ROOT][-1]
    )


@pytest.mark.parametrize("count", [99, 100, 101, 1000, 1001, 4000])
def test_the_number_of_those_that_are_not_told_is_right(count: int) -> None:
    error = refusal(list[int], b"[" + b",".join([b'"x"'] * count) + b"]")
    assert error.field_errors is not None
    rest = error.field_errors.pop(ROOT, [])
    assert list(error.field_errors) == [str(i) for i in range(min(count, 100))]
    assert rest == ([] if count <= 100 else [f"{count - 100} more problems are not listed"])


MAY_BE_MORE = "There may be more problems: of a large input not all are listed"


def test_what_is_told_of_many_mistakes_is_true() -> None:
    """The beginning of a body is cut somewhere: what the cut takes away was no mistake."""
    rows = [{"id": i, "name": "x" * (4 if i % 2 else 3), "tags": ["a"] * (i % 7)} for i in range(4000)]
    body = orjson.dumps(rows)
    for start in range(40):
        error = refusal(list[Row], b" " * start + body)
        assert error.field_errors is not None
        assert error.field_errors.pop(ROOT) == [MAY_BE_MORE]
        assert list(error.field_errors) == [f"{2 * i + 1}.name" for i in range(len(error.field_errors))]
        assert len(error.field_errors) > 30


def test_a_mistake_far_behind_is_told_by_its_field() -> None:
    rows: list[Any] = [{"id": i, "name": "abc"} for i in range(4000)]
    rows[3000] = {"id": "x", "name": 5}
    rows[3500] = {}
    error = refusal(list[Row], orjson.dumps(rows))
    assert error.field_errors is not None
    assert list(error.field_errors) == ["3000.id", "3000.name", ROOT]
    assert error.field_errors[ROOT] == [MAY_BE_MORE]


def test_a_large_input_costs_no_more_memory_than_a_valid_one() -> None:
    script = (
        "import resource, sys\n"
        "from pydantic import TypeAdapter, create_model\n"
        "from streamactions import ActionError\n"
        "from streamactions.inputs import read_json\n"
        "Wide = create_model('Wide', **{f'field_{i}': (int, ...) for i in range(10)})\n"
        "class Tree(create_model('Base')):\n"
        "    by_name: dict[str, list['Tree']] = {}\n"
        "before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "def refuse(type, body):\n"
        "    try:\n"
        "        read_json(TypeAdapter(type), body)\n"
        "    except ActionError:\n"
        "        return\n"
        "    raise AssertionError\n"
        "refuse(list[Wide], b'[' + b'{},' * 340_000 + b'{}]')\n"
        "refuse(dict[str, Wide], b'{' + b'\"\":{},' * 170_000 + b'\"\":{}}')\n"
        "refuse(dict[str, list[Wide]], b'{\"' + b'k' * 500_000 + b'\":[' + b'{},' * 170_000 + b'{}]}')\n"
        "refuse(tuple[Wide, ...], b'[' + b'{},' * 340_000 + b'{}]')\n"
        "refuse(set[int], b'[' + b'{},' * 340_000 + b'{}]')\n"
        "deep = b'{\"by_name\":{\"k\":[' * 40 + b'{}' + b',\"\"' * 300_000 + b']}}' * 40\n"
        "refuse(Tree, deep)\n"
        "after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "sys.exit(0 if after_kb - before_kb < 200_000 else f'{after_kb - before_kb} kB')\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    rows: list[Row]
    by_name: dict[str, tuple[int, str]] = {}
    labels: set[str] = set()
    either: list[int] | dict[str, int] = []


@pytest.mark.parametrize(
    ("input", "value"),
    [
        (Strict, {"rows": [{"id": 1, "name": "abc"}], "by_name": {"x": [1, "a"]}, "labels": ["b"]}),
        (Strict, {"rows": [], "either": {"a": 1}}),
        (Strict, {"rows": [], "other": 1}),
        (Strict, {"rows": [{"id": "1", "name": "a"}]}),
        (TypeAdapter(list[int], config=ConfigDict(strict=True)), ["1"]),
        (TypeAdapter(list[int], config=ConfigDict(strict=True)), [1]),
        (dict[str, Data], {"a": {"a": 1}}),
        (dict[str, Data], {"a": {"a": "x"}}),
        (list[Typed], [{"a": 1}]),
        (list[Annotated[int, AfterValidator(_even)]], [2, 4]),
        (list[Annotated[int, AfterValidator(_even)]], [2, 3]),
        (Recursive, {"value": 1, "children": {"a": {"value": 2}}}),
        (Recursive, {"value": 1, "children": {"a": {"value": "x"}}}),
        (Checked, {"a": 1}),
    ],
)
def test_a_large_body_is_taken_or_refused_as_a_small_one(input: Any, value: Any) -> None:
    body = orjson.dumps(value)
    large = body + b" " * MAX_PATIENT_BYTES

    def outcome(body: bytes) -> Any:
        try:
            return read(input, body)
        except ActionError as error:
            return {path: texts for path, texts in (error.field_errors or {}).items() if path != ROOT}

    assert outcome(body) == outcome(large)


class Defaults(BaseModel):
    schema_like: Any = {"type": "list", "fields": [1]}
    items: list[int] = [1]
    type: str = "x"
    fields: list[int] = []


def test_what_the_author_wrote_into_the_type_stays_as_it_is() -> None:
    assert read(Defaults, b"{}" + b" " * MAX_PATIENT_BYTES) == Defaults()


LONG_KEY = b"k" * 900_000


@pytest.mark.parametrize(
    ("input", "body"),
    [
        (dict[str, int], b'{"%b":""}' % LONG_KEY),
        (dict[str, list[int]], b'{"%b":[%b]}' % (LONG_KEY, b",".join([b'""'] * 90))),
        (dict[str, list[int]], b'{"%b":[%b]}' % (LONG_KEY, b",".join([b'""'] * 30_000))),
        (dict[str, dict[str, int]], b'{"%b":{"%b":""}}' % (LONG_KEY[:400_000], LONG_KEY[:400_000])),
        (Recursive, b'{"children":{"k":' * 60 + b"{}" + b"}}" * 60),
        (
            dict[str, int],
            b"{" + b",".join(b'"%b%d":""' % ("\x00é\U0001f600".encode() * 300, i) for i in range(99)) + b"}",
        ),
    ],
)
def test_a_name_that_the_client_chose_is_cut(input: Any, body: bytes) -> None:
    body = body.replace(b"\x00", b"\\u0000")
    error = refusal(input, body)
    assert error.field_errors is not None
    assert all(len(path) <= MAX_PATH_CHARACTERS for path in error.field_errors)
    assert size(error) < 150_000


def test_a_message_that_repeats_what_the_client_sent_is_cut() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]

    pet = Annotated[Cat | Dog, Field(discriminator="kind")]
    error = refusal(pet, b'{"kind":"%b"}' % (b"x" * 900_000))
    assert len(messages(error)[0]) == MAX_MESSAGE_CHARACTERS
    assert size(error) < 1000


@pytest.mark.parametrize("input", [None, Model, list[int], dict[str, Any]])
@pytest.mark.parametrize(
    "body",
    [b"[" * 500_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b"1" * 1_000_000, b"[NaN"],
    ids=["open", "deep", "objects", "digits", "open constant"],
)
def test_what_no_parser_should_follow_is_no_json(input: Any, body: bytes) -> None:
    error = refusal(input, body)
    assert (error.code, error.field_errors) == ("INVALID_JSON", None)
    assert size(error) < 300


def query_refusal(input: Any, query: bytes) -> ActionError:
    with pytest.raises(ActionError) as raised:
        read(input, method="GET", query=query)
    return raised.value


@pytest.mark.parametrize("input", [None, dict[str, str], Model])
def test_a_query_has_a_bound(input: Any) -> None:
    query = b"&".join([b"a=1"] * (MAX_QUERY_FIELDS + 1))
    error = query_refusal(input, query)
    assert (error.code, error.status_code) == ("VALIDATION_ERROR", 422)
    assert error.field_errors == {ROOT: ["The query string has more than 1000 fields: send fewer"]}
    assert len(read(None, method="GET", query=query[4:])["a"]) == MAX_QUERY_FIELDS


def test_the_mistakes_of_a_query_are_capped_too() -> None:
    query = b"&".join(b"%b%d=x" % (b"k" * 300, i) for i in range(MAX_QUERY_FIELDS))
    error = query_refusal(dict[str, int], query)
    assert error.field_errors is not None
    assert error.field_errors[ROOT] == ["900 more problems are not listed"]
    assert len(messages(error)) == MAX_FIELD_ERRORS + 1
    assert all(len(path) <= MAX_PATH_CHARACTERS for path in error.field_errors)
