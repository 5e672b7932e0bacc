"""The browser client: its modules as a whole, and the tests of Node and of Chromium."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.toolchain import (
    BROWSER_TESTS,
    RUN_BOUND_S,
    find_chromium,
    find_node,
    install_packages,
    node_environment,
    run_node_tests,
)
from server.processes import GRANIAN, run_server
from streamactions.browser import read_modules

NODE_TESTS = sorted(BROWSER_TESTS.glob("node/*.test.js"))
CHROMIUM_TESTS = sorted(BROWSER_TESTS.glob("chromium/*.test.js"))


@pytest.fixture(scope="session")
def packages() -> None:
    """The npm packages of this folder."""
    install_packages(BROWSER_TESTS)


@pytest.fixture(scope="session")
def backend(packages: None) -> Iterator[str]:
    """The server of ``backend.py``, by its address."""
    with run_server(GRANIAN, "browser.backend:app") as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("file", NODE_TESTS, ids=lambda file: file.name)
def test_in_node(file: Path) -> None:
    run_node_tests(file)


@pytest.mark.parametrize("file", CHROMIUM_TESTS, ids=lambda file: file.name)
def test_in_chromium(file: Path, backend: str) -> None:
    run_node_tests(file, {"BACKEND": backend, "CHROMIUM": str(find_chromium())})


def test_types(packages: None) -> None:
    """The modules are what their declarations say, and the declarations are what users can write."""
    compiler = BROWSER_TESTS / "node_modules" / "typescript" / "bin" / "tsc"
    check = subprocess.run(
        [find_node(), compiler, "--project", BROWSER_TESTS],
        env=node_environment(),
        capture_output=True,
        text=True,
        timeout=RUN_BOUND_S,
        check=False,
    )
    assert check.returncode == 0, check.stdout


def test_every_import_is_served() -> None:
    modules = read_modules()
    assert {"client.js", "vue.js", "react.js"} <= modules.keys()
    imported = {
        name
        for module in modules.values()
        for name in re.findall(r'^(?:import|export|\}) .*?from "(.+?)";$', module.decode(), re.MULTILINE)
    }
    assert imported - {f"./{name}" for name in modules} == {"vue", "react"}


def test_every_face_has_declarations() -> None:
    folder = BROWSER_TESTS.parent.parent / "python" / "streamactions" / "browser"
    assert {path.name for path in folder.glob("*.d.ts")} == {
        "client.d.ts",
        "react.d.ts",
        "sse.d.ts",
        "types.d.ts",
        "vue.d.ts",
    }
