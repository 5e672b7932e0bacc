"""An action shows what its handler is: to help(), to inspect, and to whoever calls it in a test."""

import functools
import inspect
import pydoc
from typing import Any, get_type_hints

from streamactions import Stream, define_stream_action


async def ai_chat(input: dict[str, Any], stream: Stream[str], *, limit: int = 5) -> None:
    """Answer a prompt, word by word."""


class Greeter:
    """Greets."""

    async def __call__(self, stream: Stream) -> None:
        await stream.send("hello")


ACTION = define_stream_action(ai_chat, input=dict)


def test_help_shows_the_signature_and_the_text_of_the_handler() -> None:
    shown = pydoc.plain(pydoc.render_doc(ACTION))
    assert f"ai_chat{inspect.signature(ai_chat)}" in shown
    assert "Answer a prompt, word by word." in shown
    assert "One streaming endpoint" not in shown


def test_an_action_without_a_text_shows_that_of_no_other() -> None:
    async def silent(stream: Stream) -> None: ...

    action = define_stream_action(silent)
    assert action.__doc__ is None
    shown = pydoc.plain(pydoc.render_doc(action))
    assert "(stream: " in shown
    assert "One streaming endpoint" not in shown


def test_inspect_sees_the_handler() -> None:
    assert inspect.signature(ACTION) == inspect.signature(ai_chat)
    assert inspect.unwrap(ACTION) is ai_chat
    assert get_type_hints(ACTION) == get_type_hints(ai_chat)
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        assert getattr(ACTION, name) == getattr(ai_chat, name)


def test_a_handler_that_is_no_function() -> None:
    for handler in (Greeter(), functools.partial(ai_chat, limit=3)):
        action = define_stream_action(handler, name="name")
        assert inspect.signature(action) == inspect.signature(handler)
        assert inspect.unwrap(action) is handler
        assert pydoc.render_doc(action)
        assert repr(action) == "StreamAction('name', method='POST')"


def test_an_action_in_a_class_is_itself() -> None:
    class Actions:
        chat = ACTION

    assert Actions.chat is Actions().chat is ACTION


def test_what_a_handler_carries_does_not_get_into_the_action() -> None:
    async def handler(stream: Stream) -> None: ...

    vars(handler).update(name="other", handler=None, metadata=1)
    action = define_stream_action(handler)
    assert (action.name, action.handler, action.metadata) == ("handler", handler, {})
