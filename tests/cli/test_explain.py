"""A look at a port that says nothing has an end, and says nothing."""

import socket

import pytest

from streamactions.cli import explain


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_that_is_silent_is_not_waited_for(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "MAX_LOOK_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert explain.explain_no_answer(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/x") is None


@pytest.mark.parametrize("url", ["http://no.such.host.invalid/", "http://ü..invalid/", "https://[::1]:1/"])
def test_what_a_look_does_not_tell_is_left_to_the_transport(url: str) -> None:
    said = explain.explain_no_answer(url)
    assert said is None or said.startswith("nothing listens at [::1]:1: ")
