"""``streamactions serve`` where it cannot: one line that says what to do, and an exit code."""

import importlib.util
import socket
from pathlib import Path
from typing import Any, Final

import pytest

from cli.commands import run_command, serve
from streamactions.serve import ServeError, server

ACTION: Final = """
from streamactions import StreamActions, define_stream_action

@define_stream_action
async def ping(stream):
    await stream.send("pong")
"""


def check_refusal(expected_exit: int, message: str, *arguments: str, cwd: Path) -> None:
    finished = run_command("serve", *arguments, cwd=cwd)
    errors = finished.stderr.decode()
    *usage, line = errors.splitlines()
    assert line.startswith("Error: "), errors
    assert message in line
    # For options that are wrong, click puts its reminder of the usage before the line.
    assert not usage or usage[0].startswith("Usage: "), errors
    assert finished.returncode == expected_exit, errors
    assert finished.stdout == b""


def test_workers_that_are_threads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Granian's are where there is no GIL: a stop could not cut them."""
    monkeypatch.setattr(server, "WORKERS_ARE_THREADS", True)
    with pytest.raises(ServeError, match="serve needs a Python with a GIL"):
        server.serve("target:app", server.ServeOptions())


@pytest.mark.parametrize(
    ("options", "module", "message"),
    [
        ({"reload": True}, "watchfiles", "--reload needs .*: run pip install 'streamactions\\[reload\\]'$"),
        ({"loop": "rloop"}, "rloop", "--loop rloop needs the package rloop: run pip install rloop$"),
    ],
)
def test_an_option_whose_package_is_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], module: str, message: str
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else find_spec(name))
    with pytest.raises(ServeError, match=message):
        server.serve("target:app", server.ServeOptions(**options))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file or folder target.py: check the path"),
        ("def broken(:", "target.py, line 1: invalid syntax: correct it"),
        ("import nothing_like_it", "No module named 'nothing_like_it' (target.py, line 1)"),
        ("import os; os._exit(3)", "target.py ended the process that imported it: run it alone to see why"),
    ],
)
def test_a_target_that_is_no_app(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "target.py").write_text(content)
    check_refusal(2, message, "target.py", cwd=tmp_path)


def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    (tmp_path / "target.py").write_text(ACTION)
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as listener:
        port = listener.getsockname()[1]
        message = f"port {port} of 127.0.0.1 is taken: stop what uses it, or pass another --port"
        check_refusal(1, message, "target.py", "--port", str(port), cwd=tmp_path)


def test_a_port_that_another_serve_has(tmp_path: Path) -> None:
    (tmp_path / "target.py").write_text(ACTION)
    with serve(tmp_path / "target.py") as served:
        port = served.url.rpartition(":")[2]
        check_refusal(1, f"port {port} of 127.0.0.1 is taken", "target.py", "--port", port, cwd=tmp_path)


@pytest.mark.parametrize(
    ("expected_exit", "options", "message"),
    [
        (1, ("--host", "192.0.2.1"), "this machine has no address 192.0.2.1"),
        (1, ("--host", "no.such.host.invalid"), "there is no host 'no.such.host.invalid'"),
        (2, ("--ssl-certificate", "target.py"), "HTTPS needs both --ssl-certificate and --ssl-keyfile"),
        (
            1,
            ("--ssl-certificate", "target.py", "--ssl-keyfile", "target.py"),
            "certificate or key is not usable",
        ),
        (2, ("--ssl-keyfile", "missing.pem"), "missing.pem"),
        (2, ("--port", "65536"), "--port"),
        (2, ("--workers", "0"), "--workers"),
        (2, ("--workers", "9" * 20), "--workers"),
        (2, ("--backlog", "1"), "--backlog"),
        (2, ("--backlog", "9" * 20), "--backlog"),
        (2, ("--backpressure", "9" * 20), "--backpressure"),
        (2, ("--stop-timeout", "9" * 20), "--stop-timeout"),
        (2, ("--idle-timeout", "9" * 20), "--idle-timeout"),
    ],
)
def test_options_that_cannot_be(
    tmp_path: Path, expected_exit: int, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "target.py").write_text(ACTION)
    check_refusal(expected_exit, message, "target.py", "--port", "0", *options, cwd=tmp_path)
