"""What is sent is what a type says, in one form, whatever stands beside it."""

import asyncio
import collections
import datetime as dt
import decimal
import enum
import ipaddress
import json
import math
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter, field_serializer
from pydantic.dataclasses import dataclass as validated_dataclass

from streamactions import ActionError, InvalidChunkError, define_stream_action
from streamactions.stream import make_encoding
from streamactions.testing import collect

BOUND_S: Final = 30.0


@validated_dataclass
class Account:
    name: str
    api_key: str = Field(default="sk-secret", exclude=True)
    plan: str = Field(default="free", serialization_alias="Plan")
    joined: dt.date = dt.date(2026, 1, 31)

    @field_serializer("joined")
    def year(self, joined: dt.date) -> int:
        return joined.year


@dataclass
class Plain:
    number: int
    items: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hidden = "secret"

    @cached_property
    def total(self) -> int:
        return sum(self.items)


class Model(BaseModel):
    text: str = Field(default="a", serialization_alias="Text")
    secret: str = Field(default="sk-secret", exclude=True)


class Derived(Model):
    more: int = 1


class Text(str):
    __slots__ = ()


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


Pair = collections.namedtuple("Pair", "a b")


def make_plain() -> Plain:
    plain = Plain(1, [2])
    assert plain.total == 2
    return plain


FORMS: Final[dict[str, tuple[Any, str]]] = {
    "pydantic dataclass": (Account("a"), '{"name":"a","Plan":"free","joined":2026}'),
    "dataclass": (make_plain(), '{"number":1,"items":[2]}'),
    "model": (Model(), '{"Text":"a"}'),
    "derived model": (Derived(), '{"Text":"a","more":1}'),
    "str subclass": (Text("a"), '"a"'),
    "dict subclass": (collections.OrderedDict(a=1), '{"a":1}'),
    "list subclass": (type("Items", (list,), {})([1]), "[1]"),
    "named tuple": (Pair(1, 2), "[1,2]"),
    "aware datetime": (dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), '"2026-01-31T12:00:00Z"'),
    "naive datetime": (dt.datetime(2026, 1, 31, 12, 0, 0, 5), '"2026-01-31T12:00:00.000005"'),
    "date": (dt.date(2026, 1, 31), '"2026-01-31"'),
    "time": (dt.time(12, 30), '"12:30:00"'),
    "timedelta": (dt.timedelta(seconds=90), '"PT1M30S"'),
    "uuid": (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
    "enum": (Colour.RED, '"red"'),
    "int enum": (Level.LOW, "1"),
    "decimal": (decimal.Decimal("1.50"), '"1.50"'),
    "bytes": (b"abc", '"abc"'),
    "path": (Path("/a"), '"/a"'),
    "address": (ipaddress.ip_address("::1"), '"::1"'),
    "set": ({1}, "[1]"),
    "large integer": (2**70, "1180591620717411303424"),
    "not a number": (math.nan, "null"),
    "infinity": (-math.inf, "null"),
    "keys": ({1: "a", Colour.RED: "b", dt.date(2026, 1, 31): "c"}, '{"1":"a","red":"b","2026-01-31":"c"}'),
    "half a letter": ("a\ud83d", '"a\ufffd"'),
    "half a letter in a name": ({"\udc00": 1}, '{"\ufffd":1}'),
}


def encode(chunk: Any) -> bytes:
    """As ``send`` does it."""
    fast, options, patient = make_encoding(None)
    try:
        return fast(chunk, None, options)
    except TypeError:
        return patient(chunk)


@pytest.mark.parametrize("name", FORMS)
def test_one_form_whatever_stands_beside_it(name: str) -> None:
    chunk, form = FORMS[name]
    assert encode(chunk).decode() == form
    assert encode({"a": chunk}).decode() == f'{{"a":{form}}}'
    for other, (beside, other_form) in FORMS.items():
        assert encode([chunk, beside]).decode() == f"[{form},{other_form}]", other


def test_it_is_sent_so() -> None:
    @define_stream_action
    async def sends(stream: Any) -> None:
        for chunk, _ in FORMS.values():
            await stream.send(chunk)

    chunks = asyncio.run(asyncio.wait_for(collect(sends), BOUND_S))
    assert chunks == [json.loads(form) for _, form in FORMS.values()]


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_can_be_sent(text: str) -> None:
    sent = orjson.loads(encode({text: [text, {"a": text}]}))
    ((name, (value, nested)),) = sent.items()
    assert name == value == nested["a"]
    assert len(value) <= len(text)
    assert value == text or "\ufffd" in value or any("\ud800" <= letter <= "\udfff" for letter in text)


def test_half_a_letter_of_an_iterator_is_refused_whole() -> None:
    with pytest.raises(InvalidChunkError, match="half of a surrogate pair"):
        encode({"a": iter(["a", "\ud83d"])})
    assert encode({"a": iter(["a", "b"])}) == b'{"a":["a","b"]}'


class Constants(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")
    value: float
    text: str = "NaN"


def test_what_is_no_json_does_not_get_out_by_a_type() -> None:
    encoding = make_encoding(TypeAdapter(Constants))
    assert encoding.fast({"value": math.inf}) == b'{"value":null,"text":"NaN"}'
    assert encoding.fast({"value": 1.0, "text": "Infinity"}) == b'{"value":1.0,"text":"Infinity"}'


Shouted = Annotated[str, PlainSerializer(lambda text: text.upper())]


@pytest.mark.parametrize("annotation", [str, Shouted, dict[str, str], Model])
def test_half_a_letter_is_replaced_where_there_is_an_output_type(annotation: Any) -> None:
    encoding = make_encoding(TypeAdapter(annotation))
    chunk: Any = {"text": "a\ud83d"} if annotation in (dict[str, str], Model) else "a\ud83d"
    assert "\ufffd" in encoding.fast(chunk).decode()


def test_what_is_no_json_is_refused() -> None:
    @define_stream_action
    async def sends(stream: Any) -> None:
        await stream.send({"a": object()})

    with pytest.raises(ActionError, match="Stream handler error"):
        asyncio.run(asyncio.wait_for(collect(sends), BOUND_S))
