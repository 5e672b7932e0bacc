"""What a type has written is read by the type, however its names and fields differ in the two directions."""

import asyncio
import gc
import weakref
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AliasChoices,
    AliasGenerator,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from streamactions import Stream, StreamActions, define_stream_action
from streamactions.client import use_stream_action
from streamactions.serialized_form import serialized_form
from streamactions.testing import InProcessTransport, collect


class WriteAlias(BaseModel):
    api_key: str = Field(serialization_alias="apiKey")


class WriteAliasWithDefault(BaseModel):
    api_key: str = Field(default="none", serialization_alias="apiKey")


class ReadAlias(BaseModel):
    api_key: str = Field(validation_alias="apiKey")


class ReadChoices(BaseModel):
    api_key: str = Field(validation_alias=AliasChoices("key", AliasPath("keys", 0)), serialization_alias="k")


class ReadPath(BaseModel):
    api_key: str = Field(validation_alias=AliasPath("keys", 0))


class BothAliases(BaseModel):
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=str.upper, serialization_alias=str.title)
    )
    api_key: str


class Computed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int

    @computed_field
    def area(self) -> int:
        return self.width**2

    @model_validator(mode="after")
    def check(self) -> "Computed":
        return self


class Validated(BaseModel):
    name: str = Field(serialization_alias="Name")

    @field_validator("name")
    @classmethod
    def check(cls, value: str) -> str:
        return value


class Bytes(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64")
    data: bytes


@pydantic_dataclass(config=ConfigDict(extra="forbid"))
class Data:
    name: str = Field(serialization_alias="Name")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.name)


@dataclass
class PlainData:
    name: Annotated[str, Field(serialization_alias="Name")]


class Typed(TypedDict):
    name: Annotated[str, Field(serialization_alias="Name")]


class Tree(BaseModel):
    value: WriteAlias
    children: "list[Tree]" = Field(default=[], serialization_alias="kids")
    by_name: dict[str, Computed] = {}
    one_of: WriteAlias | Computed | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = Field(serialization_alias="Lives")


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    bones: int = Field(serialization_alias="Bones")


class Red(BaseModel):
    kind: Literal["red"] = Field(default="red", serialization_alias="Kind")


class Green(TypedDict):
    kind: Annotated[Literal["green"], Field(serialization_alias="Kind")]


Colour = Annotated[Red | Green, Field(discriminator="kind")]
Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

KEY = WriteAlias(api_key="k")
VALUES: list[tuple[Any, Any]] = [
    (WriteAlias, KEY),
    (WriteAliasWithDefault, WriteAliasWithDefault(api_key="k")),
    (ReadAlias, ReadAlias.model_validate({"apiKey": "k"})),
    (ReadChoices, ReadChoices.model_validate({"key": "k"})),
    (ReadPath, ReadPath.model_validate({"keys": ["k"]})),
    (BothAliases, BothAliases.model_validate({"API_KEY": "k"})),
    (Computed, Computed(width=3)),
    (Validated, Validated(name="n")),
    (Bytes, Bytes(data=b"\xff\x00")),
    (Data, Data(name="n")),
    (PlainData, PlainData(name="n")),
    (Typed, {"name": "n"}),
    (Tree, Tree(value=KEY, children=[Tree(value=KEY)], by_name={"c": Computed(width=1)}, one_of=KEY)),
    (list[WriteAlias], [KEY, KEY]),
    (WriteAlias | Computed, Computed(width=2)),
    (Pet, Dog(bones=2)),
    (Colour, Red()),
    (Colour, {"kind": "green"}),
]


@pytest.mark.parametrize(("output", "value"), VALUES, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.parametrize("is_large", [False, True])
def test_what_was_written_is_read(output: Any, value: Any, is_large: bool) -> None:
    # Large chunks have a validator of their own.
    form = list[output] if is_large else output
    chunk = [value] * 3000 if is_large else value

    @define_stream_action(output=form)
    async def action(stream: Stream) -> None:
        await stream.send(chunk)

    assert asyncio.run(collect(action)) == [chunk]


class Secret(BaseModel):
    name: str
    api_key: str = Field(exclude=True)
    limit: int = Field(default=3, exclude=True)


@pydantic_dataclass
class SecretData:
    name: str
    api_key: str = Field(exclude=True)


class SecretTyped(TypedDict):
    name: str
    api_key: Annotated[str, Field(exclude=True)]


def test_what_is_not_written_is_none_or_its_default() -> None:
    def read(output: Any, value: Any) -> Any:
        @define_stream_action(output=output)
        async def action(stream: Stream) -> None:
            await stream.send(value)

        (chunk,) = asyncio.run(collect(action))
        return chunk

    secret = read(Secret, Secret(name="n", api_key="secret", limit=5))
    assert (secret.name, secret.api_key, secret.limit) == ("n", None, 3)
    data = read(SecretData, SecretData(name="n", api_key="secret"))
    assert (data.name, data.api_key) == ("n", None)
    assert read(SecretTyped, {"name": "n", "api_key": "secret"}) == {"name": "n"}


def test_a_handle_with_an_output_of_its_own_reads_it_too() -> None:
    @define_stream_action
    async def action(stream: Stream) -> None:
        # As this type writes it, and as it reads it: another server may do either.
        await stream.send({"apiKey": "k"})
        await stream.send({"api_key": "k"})

    async def main() -> list[WriteAlias]:
        transport = InProcessTransport(StreamActions([action]))
        handle = use_stream_action(action, base_url="http://test", output=WriteAlias, client=transport)
        return [chunk async for chunk in handle.stream()]

    assert asyncio.run(main()) == [KEY, KEY]


def test_a_type_that_reads_what_it_writes_stays_as_it_is() -> None:
    class Plain(BaseModel):
        model_config = ConfigDict(extra="forbid")
        a: int
        b: list[str] = Field(default=[], alias="B")

    for adapter in (TypeAdapter(Plain), TypeAdapter(int), TypeAdapter(dict[str, Plain])):
        assert serialized_form(adapter) is adapter


def test_an_adapter_that_is_used_no_more_goes() -> None:
    for output in (WriteAlias, int):
        adapter = TypeAdapter[Any](output)
        serialized_form(adapter)
        gone = weakref.ref(adapter)
        del adapter
        gc.collect()
        assert gone() is None


def test_a_chunk_that_is_wrong_is_still_refused() -> None:
    form = serialized_form(TypeAdapter(Computed))
    for json in (b'{"area": 9}', b'{"width": "x", "area": 9}'):
        with pytest.raises(ValidationError):
            form.validator.validate_json(json)
