"""The error that crosses the wire, and the tree that it stands in."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamactions
from streamactions import ActionError, StreamActionsError, create_action_error


def test_what_it_holds() -> None:
    error = create_action_error("RATE_LIMITED", "Too many requests", 429, {"a.b": ("one", "two")})
    assert isinstance(error, ActionError)
    assert (error.code, error.message, error.status_code) == ("RATE_LIMITED", "Too many requests", 429)
    assert error.field_errors == {"a.b": ["one", "two"]}
    assert str(error) == "RATE_LIMITED: Too many requests"
    assert create_action_error("A", "b").status_code == 400


def test_how_it_is_written() -> None:
    assert create_action_error("A", "b").to_wire() == {"code": "A", "message": "b", "statusCode": 400}
    wire = create_action_error("A", "b", 422, {"c": ["d"]}).to_wire()
    assert list(wire.items()) == [
        ("code", "A"),
        ("message", "b"),
        ("statusCode", 422),
        ("fieldErrors", {"c": ["d"]}),
    ]


def test_what_belongs_to_the_caller_stays_theirs() -> None:
    field_errors = {"a": ["b"]}
    error = create_action_error("A", "b", field_errors=field_errors)
    field_errors["a"].append("c")
    assert error.field_errors == {"a": ["b"]}


@pytest.mark.parametrize("status_code", [0, 200, 302, 399, 600])
def test_a_status_that_is_no_error(status_code: int) -> None:
    with pytest.raises(ValueError, match="from 400 to 599"):
        create_action_error("A", "b", status_code)


def test_a_code_is_needed() -> None:
    with pytest.raises(ValueError, match="needs a code"):
        create_action_error("", "b")


field_errors = st.none() | st.dictionaries(st.text(), st.lists(st.text()))


@given(st.text(min_size=1), st.text(), st.integers(400, 599), field_errors)
def test_it_comes_back_from_the_wire(
    code: str, message: str, status_code: int, field_errors: dict[str, list[str]] | None
) -> None:
    error = create_action_error(code, message, status_code, field_errors)
    for copy in (ActionError.from_wire(error.to_wire()), pickle.loads(pickle.dumps(error))):
        assert copy.to_wire() == error.to_wire()
        assert repr(copy) == repr(error)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
fields = st.sampled_from(["code", "message", "statusCode", "fieldErrors", "other"])


@given(json_values | st.dictionaries(fields, json_values))
def test_anything_that_the_other_side_sends_is_an_error(wire: Any) -> None:
    error = ActionError.from_wire(wire, status_code=502)
    assert error.code
    assert 400 <= error.status_code <= 599
    assert ActionError.from_wire(error.to_wire()).to_wire() == error.to_wire()


@pytest.mark.parametrize("status", [True, 404.0, "404", 200, None])
def test_a_status_that_is_none_is_replaced(status: Any) -> None:
    assert (
        ActionError.from_wire(
            {"code": "A", "message": "b", "statusCode": status}, status_code=502
        ).status_code
        == 502
    )


def test_every_error_is_in_one_tree() -> None:
    errors = [value for name, value in vars(streamactions).items() if name.endswith("Error")]
    assert len(errors) == 11
    assert all(issubclass(error, StreamActionsError) for error in errors)


def test_field_errors_of_the_other_side_may_be_anything() -> None:
    nested: Any = []
    for _ in range(10_000):
        nested = [nested]
    error = ActionError.from_wire(
        {"code": "A", "message": "b", "fieldErrors": {"a": nested, "c": [1, None, {}]}}
    )
    assert error.field_errors == {"a": ["…"], "c": ["1", "None", "…"]}
