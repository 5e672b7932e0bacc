"""Servers that run for the whole session; after each test, nothing of it may be left in them."""

import uuid
from collections.abc import Iterator

import pytest

from server.processes import GRANIAN, run_server
from server.served import Served


@pytest.fixture
def run() -> str:
    """A name for one test's call in the server's journal."""
    return uuid.uuid4().hex


@pytest.fixture(scope="session")
def granian_server() -> Iterator[Served]:
    """The test actions on one worker of Granian."""
    with run_server(GRANIAN, "server.actions.app:app") as (port, log):
        served = Served(port, log)
        served.remember_tasks()
        yield served
    served.check_log()


@pytest.fixture
def granian(granian_server: Served) -> Iterator[Served]:
    """Granian, which has to be idle again after the test."""
    with granian_server.test() as served:
        yield served


@pytest.fixture(scope="session")
def options_server() -> Iterator[Served]:
    """An app whose prefix, dialect, bound and pause are its own."""
    with run_server(GRANIAN, "server.actions.app:options_app") as (port, log):
        yield Served(port, log, prefix="/own")
