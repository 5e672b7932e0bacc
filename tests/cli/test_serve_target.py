"""What a target names, and what is said of one that names nothing: without a server."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streamactions import StreamActions
from streamactions.discovery import load_file
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
        ("", "", "there is nothing to serve: write a file, a folder, or module:app"),
        ("http://x", "", "'http://x' is no file and no folder: check the path, or write module:app"),
        (".target:app", "", "'.target:app' is no file and no folder: check the path, or write module:app"),
        ("target:app()", "", "'target:app()' is no file and no folder: check the path, or write module:app"),
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
        ("target:ping", ACTION, "it is an action: write app = StreamActions([ping])"),
        ("target:StreamActions", ACTION, "target:StreamActions must be an ASGI app, but it is a class"),
        ("target:make", "def make(): ...", "takes nothing, such as one that makes an app: write make = "),
        ("target:app", "def app(environ, start_response): ...", "not take (scope, receive, send) but (env"),
        ("target.py", "def app(environ, start_response): ...", "not take (scope, receive, send) but (env"),
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


FASTAPI: Final = (
    ACTION
    + """
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

class Guard:
    def __init__(self, app):
        self.inner = app
    async def __call__(self, scope, receive, send):
        await self.inner(scope, receive, send)

def guarded_by_function(app):
    async def guarded(scope, receive, send):
        await app(scope, receive, send)
    return guarded

def mounted():
    api = FastAPI()
    api.mount("/ai", StreamActions([ping], prefix=""))
    return api

def make_router():
    router = APIRouter()
    @router.get("/x")
    def x(): ...
    return router
"""
)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("api = FastAPI()\napi.mount('/ai', StreamActions([ping], prefix=''))", "api"),
        ("actions = StreamActions([ping])\napi = FastAPI()\napi.mount('/ai', actions)", "api"),
        (
            "api = Starlette(routes=[Mount('/ai', StreamActions([ping]))], middleware=[Middleware(Guard)])",
            "api",
        ),
        ("api = mounted()\nalias = also = api", "api"),
        ("inner = mounted()\nouter = FastAPI()\nouter.mount('/inner', inner)", "outer"),
        ("api = mounted()\nrouter = make_router()\napi.include_router(router)", "api"),
        ("api = mounted()\nstatic = StaticFiles(directory='.')\napi.mount('/static', static)", "api"),
        ("api = mounted()\nunused = StaticFiles(directory='.')", "api"),
        ("_api = mounted()", "_api"),
        ("other = StreamActions([ping], prefix='/other')", "other"),
        ("class Api(FastAPI): ...\nservice = Api()", "service"),
        ("app = mounted()\nadmin = FastAPI()", "app"),
        ("application = mounted()\nadmin = FastAPI()", "application"),
        ("asgi = Guard(mounted())\nadmin = FastAPI()", "asgi"),
        ("inner = mounted()\napp = Guard(inner)", "app"),
        ("inner = StreamActions([ping])\napp = guarded_by_function(inner)", "app"),
        ("@define_stream_action\nasync def app(stream): ...\napi = FastAPI()", "api"),
    ],
)
def test_the_app_of_a_file_is_found_under_any_name(folder: Path, content: str, name: str) -> None:
    (folder / "target.py").write_text(f"{FASTAPI}\n{content}")
    app = load_app("target.py")
    assert app is vars(load_file(folder / "target.py"))[name]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "class web:\n    app = mounted()\nclass Other:\n    api = FastAPI()",
            "has several apps (web.app, Oth",
        ),
        ("class web:\n    app = Guard(mounted())", "(web.app): write target:web.app to serve it"),
        ("api = FastAPI()\nadmin = FastAPI()", "has several apps (api, admin): name one of them app, or"),
        ("api = mounted()\nguarded = Guard(api)", "(guarded): write target:guarded to serve it"),
        ("api = mounted()\nguarded = guarded_by_function(api)", "(guarded): write target:guarded to serve"),
        ("guarded = CORSMiddleware(StreamActions([ping]))", "(guarded): write target:guarded to serve it"),
        ("async def api(scope, receive, send): ...", "(api): write target:api to serve it"),
        (
            "routes = Router([Mount('/ai', StreamActions([ping]))])",
            "(routes): write target:routes to serve it",
        ),
        (
            "app = StreamActions([ping])\napi = FastAPI()\napi.mount('/ai', app)",
            "is inside of its api, which",
        ),
        ("app = mounted()\nguarded = Guard(app)", "write target:guarded, or target:app to serve it alone"),
        ("app = mounted()\nguarded = guarded_by_function(app)", "write target:guarded, or target:app"),
        (
            "app = StreamActions([ping])\n"
            "async def guard(scope, receive, send):\n"
            "    await app(scope, receive, send)",
            "write target:guard, or target:app to serve it alone",
        ),
    ],
)
def test_actions_that_an_app_may_guard_are_not_served_without_it(
    folder: Path, content: str, says: str
) -> None:
    (folder / "target.py").write_text(f"{FASTAPI}\n{content}")
    with pytest.raises(TargetError) as caught:
        load_app("target.py")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_app_of_a_class_is_found(folder: Path) -> None:
    (folder / "target.py").write_text(f"{FASTAPI}\nclass web:\n    app = mounted()")
    assert load_app("target.py") is vars(load_file(folder / "target.py"))["web"].app


def test_the_snippet_of_the_readme_is_served_with_its_app(folder: Path) -> None:
    readme = Path(__file__).resolve().parents[2] / "README.md"
    (snippet,) = re.findall(r"```python\n(from fastapi.*?)```", readme.read_text(), re.S)
    (folder / "main.py").write_text(snippet)
    assert type(load_app("main.py")).__name__ == "FastAPI"


@pytest.mark.parametrize(
    "content",
    [
        "api = FastAPI(dependencies=[Depends(print)])\napi.mount('/ai', StreamActions([ping]))",
        "app = mounted()\napp.add_middleware(Guard)",
        "api = Starlette(routes=[Mount('/ai', StreamActions([ping]), middleware=[Middleware(Guard)])])",
        "class Guarded(FastAPI): ...\napi = Guarded()\napi.mount('/ai', StreamActions([ping]))",
        "api = Guard(StreamActions([ping]))",
        "async def api(scope, receive, send): ...",
    ],
)
def test_a_folder_whose_actions_an_app_may_guard_is_refused(folder: Path, content: str) -> None:
    (folder / "target.py").write_text(f"{FASTAPI}\n{content}")
    with pytest.raises(
        TargetError, match=r"target\.py has the app ap[ip], which may guard its actions: serve "
    ):
        load_app(".")


@pytest.mark.parametrize("content", ["api = mounted()", "api = FastAPI(dependencies=[Depends(print)])"])
def test_a_folder_with_apps_that_guard_no_action_is_served(folder: Path, content: str) -> None:
    (folder / "target.py").write_text(f"{FASTAPI}\n{content}")
    assert list(load_app(".").actions) == ["ping"]


@pytest.mark.parametrize("target", ["target.py", "."])
@pytest.mark.parametrize(
    "content",
    [
        "def make():\n    return StreamActions([ping])",
        "import streamactions\nasync def make():\n    return streamactions.StreamActions([ping])",
        "from streamactions import StreamActions as Some\ndef make(debug=False):\n    return Some([ping])",
        "def make():\n    from streamactions import StreamActions\n    return StreamActions([ping])",
    ],
)
def test_a_function_that_makes_the_app_has_to_be_called(folder: Path, target: str, content: str) -> None:
    (folder / "target.py").write_text(f"{ACTION}\n{content}")
    with pytest.raises(TargetError, match=r"has make\(\), which makes an app .*: write app = make\(\)"):
        load_app(target)


def test_a_function_that_makes_an_app_for_a_test_is_no_guard(folder: Path) -> None:
    (folder / "target.py").write_text(f"{ACTION}\ndef test_ping():\n    StreamActions([ping])")
    assert list(load_app("target.py").actions) == ["ping"]


def test_apps_that_pass_requests_on_in_a_circle_have_an_end(folder: Path) -> None:
    content = (
        "api = FastAPI()\napi.mount('/again', api)\nloop = Guard(api)\nloop.again = loop\nloop.inner = loop"
    )
    (folder / "target.py").write_text(f"{FASTAPI}\n{content}")
    with pytest.raises(TargetError):
        load_app(".")
