"""The console in a real Chromium, its modules in Node, and their types."""

import subprocess
import sys
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

FOLDER = Path(__file__).resolve().parent
ARTEFACTS = FOLDER.parent.parent / "artefacts"


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    """The npm packages of the browser tests."""
    install_packages(BROWSER_TESTS)


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    """The server of ``backend.py``, by its address."""
    with run_server(GRANIAN, "console.backend:app") as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("node/*.test.js")), ids=lambda file: file.name)
def test_in_node(file: Path) -> None:
    run_node_tests(file)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("chromium/*.test.js")), ids=lambda file: file.name)
def test_in_chromium(file: Path, backend: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    run_node_tests(
        file,
        {
            "BACKEND": backend,
            "CHROMIUM": str(find_chromium()),
            "PYTHON": sys.executable,
            "ARTEFACTS": str(ARTEFACTS),
        },
    )


def test_types() -> None:
    compiler = BROWSER_TESTS / "node_modules" / "typescript" / "bin" / "tsc"
    check = subprocess.run(
        [find_node(), compiler, "--project", FOLDER],
        env=node_environment(),
        capture_output=True,
        text=True,
        timeout=RUN_BOUND_S,
        check=False,
    )
    assert check.returncode == 0, check.stdout
