"""``Event`` as a value, and its ``json``."""

import json
from typing import Any

import pytest

from streamactions import Event, SSEDecoder


def test_defaults() -> None:
    event = Event()
    assert (event.event, event.data, event.id, event.retry_ms) == ("message", "", "", None)


def test_the_repr_makes_an_equal_event() -> None:
    event = Event("done", "it's\n{}", "7", 0)
    assert repr(event) == "Event(event='done', data=\"it's\\n{}\", id='7', retry_ms=0)"
    assert eval(repr(event)) == event


def test_equality_and_hash_are_by_value() -> None:
    (decoded,) = SSEDecoder().feed(b"event: e\nid: 1\nretry: 5\ndata: a\n\n")
    assert decoded == Event("e", "a", "1", 5)
    assert hash(decoded) == hash(Event("e", "a", "1", 5))
    for other in (("f", "a", "1", 5), ("e", "b", "1", 5), ("e", "a", "2", 5), ("e", "a", "1")):
        assert decoded != Event(*other)
    assert decoded != ("e", "a", "1", 5)
    assert len({decoded, Event("e", "a", "1", 5)}) == 1


@pytest.mark.parametrize("name", ["event", "data", "id", "retry_ms", "other"])
def test_events_are_immutable(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(Event(), name, "x")


@pytest.mark.parametrize("retry_ms", [-1, 2**53, 2**70])
def test_a_retry_out_of_range_is_refused(retry_ms: int) -> None:
    with pytest.raises(ValueError, match=r"^retry_ms must be from 0 to 9007199254740991, not "):
        Event(retry_ms=retry_ms)


@pytest.mark.parametrize(
    "value", [{"text": "a\n\u2028\0</script>\U0001f600"}, [1, 2.5, None, True], "text", 7, None, {}]
)
def test_json(value: Any) -> None:
    assert Event(data=json.dumps(value)).json() == value


@pytest.mark.parametrize("data", ["", "{", "[DONE]", '{"a":\n1', "NaN", "{'a': 1}", "\ufeff{", "\ud800"])
def test_json_names_the_problem_in_one_line(data: str) -> None:
    with pytest.raises(ValueError, match=r"^event data is not JSON: .+") as caught:
        Event(data=data).json()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_strings_that_repeat_are_shared() -> None:
    first, second, third = SSEDecoder().feed(b"id: a long id\ndata: 1\n\ndata: 2\n\nid: another\ndata: 3\n\n")
    assert first.id is second.id
    assert (second.id, third.id) == ("a long id", "another")
    assert first.event is third.event
