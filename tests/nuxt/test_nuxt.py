"""A Nuxt app on ``nuxt-actions`` itself: its components do the same on Node and on this backend."""

import hashlib
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from browser.toolchain import (
    BROWSER_TESTS,
    INSTALL_BOUND_S,
    LEAVE_BOUND_S,
    find_chromium,
    find_node,
    install_packages,
    node_environment,
    run_node_tests,
)
from cli.commands import serve
from server.processes import Log, free_port

APP: Final = Path(__file__).resolve().parent
NITRO: Final = APP / ".output" / "server" / "index.mjs"

TERMINATED: Final = (0, -signal.SIGTERM, 128 + signal.SIGTERM)


@pytest.fixture(scope="session")
def built_app() -> None:
    """The app as it is deployed; built anew where any of its files has changed."""
    install_packages(APP)
    install_packages(BROWSER_TESTS)
    stamp = APP / ".output" / ".built"
    sources = _hash_sources()
    if stamp.is_file() and stamp.read_text() == sources:
        return
    built = subprocess.run(
        [find_node(), APP / "node_modules" / "nuxt" / "bin" / "nuxt.mjs", "build"],
        cwd=APP,
        env=node_environment({"NUXT_TELEMETRY_DISABLED": "1", "CI": "true"}),
        capture_output=True,
        text=True,
        timeout=INSTALL_BOUND_S,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    stamp.write_text(sources)


@pytest.fixture(scope="session")
def backend() -> Iterator[str]:
    """The actions in Python, by their address."""
    # The log has the traceback of the handler that fails.
    with serve(APP / "backend.py", clean_log=False) as served:
        yield served.url


@pytest.fixture(scope="session")
def app_on_node(built_app: None) -> Iterator[str]:
    """The app with its own actions."""
    with run_nitro({}) as url:
        yield url


@pytest.fixture(scope="session")
def app_on_backend(built_app: None, backend: str) -> Iterator[str]:
    """The same build, its actions handed over."""
    with run_nitro({"NUXT_ACTIONS_BACKEND": backend}) as url:
        yield url


@pytest.mark.parametrize("app", ["app_on_node", "app_on_backend"])
def test_components_do_the_same(app: str, backend: str, request: pytest.FixtureRequest) -> None:
    run_in_chromium("drop_in.test.js", request.getfixturevalue(app), backend)


def test_a_reader_who_leaves_ends_the_work(app_on_backend: str, backend: str) -> None:
    run_in_chromium("leaving.test.js", app_on_backend, backend)


def run_in_chromium(file: str, app: str, backend: str) -> None:
    run_node_tests(APP / file, {"APP": app, "BACKEND": backend, "CHROMIUM": str(find_chromium())})


@contextmanager
def run_nitro(variables: Mapping[str, str]) -> Iterator[str]:
    """Run the built app on a free port; what it says on its error stream is a failure."""
    port = free_port()
    process = subprocess.Popen(
        [find_node(), NITRO],
        env=node_environment({"HOST": "127.0.0.1", "PORT": str(port), **variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    log = Log()
    reader = threading.Thread(target=log.follow, args=(process.stdout,))
    reader.start()
    try:
        log.wait_for("Listening on")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            exit_code = process.wait(LEAVE_BOUND_S)
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stdout.close()
            print(log.text())
    assert exit_code in TERMINATED
    assert len(log.text().splitlines()) == 1, log.text()


def _hash_sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(APP.rglob("*")):
        top = path.relative_to(APP).parts[0]
        if path.is_file() and top not in ("node_modules", ".nuxt", ".output") and path.suffix != ".py":
            digest.update(f"{path.relative_to(APP)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
