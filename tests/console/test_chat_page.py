"""The chat page of the example with its real model, in a real Chromium."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from browser.toolchain import BROWSER_TESTS, find_chromium, install_packages, run_node_tests
from cli.commands import Served, serve

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The example as a user serves it."""
    with serve(ROOT / "examples" / "chat.py") as served:
        yield served


def test_the_link_that_is_printed_is_the_page(served: Served) -> None:
    answer = httpx.get(served.url)
    assert answer.status_code == 200
    assert "<title>Chat</title>" in answer.text


def test_in_chromium(served: Served) -> None:
    install_packages(BROWSER_TESTS)
    artefacts = ROOT / "artefacts"
    artefacts.mkdir(exist_ok=True)
    run_node_tests(
        FOLDER / "chat" / "chat.test.js",
        {"BACKEND": served.url, "CHROMIUM": str(find_chromium()), "ARTEFACTS": str(artefacts)},
    )
    # Two answers were stopped by a person; the model stopped with them.
    served.log.wait_for("answer stopped after ", times=2)
