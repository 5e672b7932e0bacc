"""What a target names, and what is said of one that names nothing: without a server."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streamactions import StreamActions
from streamactions.serve import TargetError, load_app

ACTION: Final = """
from streamactions import StreamActions, define_stream_action

@define_stream_action
async def ping(stream):
    await stream.send("pong")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory; what is imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    modules = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("target", "content", "message"),
    [
        ("missing.py", "", "there is no file or folder missing.py"),
        ("missing", "", "'missing' is no file and no folder: check the path, or write module:app"),
        ("target", "", "'target' is no file and no folder: check the path, or write module:app"),
        ("target:", "", "'target:' is no file and no folder: check the path, or write module:app"),
        ("missing:app", "", "there is no module 'missing': run in the folder that holds it"),
        ("missing.below:app", "", "there is no module 'missing.below'"),
        ("target.below:app", "", "there is no module 'target.below'"),
        ("target:app", "x = 1", "target:app must be an ASGI app, but there is none: write app = Str"),
        ("target:app", "app = 1", "target:app must be an ASGI app, but it is of type int"),
        ("target:app.deep", "app = 1", "target:app.deep must be an ASGI app, but there is none"),
        ("target.py", "x = 1", "defines no actions: decorate a function with @define_stream_action"),
        (".", "x = 1", "defines no actions: decorate a function with @define_stream_action"),
        ("target.py", "def broken(:", "target.py, line 1: invalid syntax: correct it"),
        ("target:app", "def broken(:", "target.py, line 1: invalid syntax: correct it"),
        (".", "def broken(:", "target.py, line 1: invalid syntax: correct it"),
        ("target:app", "\nimport nothing_here", "No module named 'nothing_here' (target.py, line 2)"),
        ("target.py", "raise ValueError('two\\nlines')", "ValueError: two lines (target.py, line 1)"),
        ("target.py", "import json; json.loads('{')", "(target.py, line 1)"),
        ("target.py", "import sys; sys.exit(3)", "SystemExit: 3 (target.py, line 1)"),
        ("target.py", ACTION + "a = StreamActions([ping])\nb = StreamActions([ping])", "apps (a, b)"),
        ("target.py", ACTION.replace("(stream)", "(streem)"), "streem"),
    ],
)
def test_a_target_that_is_no_app(folder: Path, target: str, content: str, message: str) -> None:
    (folder / "target.py").write_text(content)
    with pytest.raises(TargetError) as caught:
        load_app(target)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("target", ["target.py", "target:app", ".", "below/../target.py"])
def test_a_target_that_is_an_app(folder: Path, target: str) -> None:
    (folder / "below").mkdir()
    (folder / "target.py").write_text(ACTION + "app = StreamActions([ping])")
    app = load_app(target)
    assert isinstance(app, StreamActions)
    assert list(app.actions) == ["ping"]
