"""Two processor cores: one for what is measured, one for its load."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import BenchError


@dataclass(frozen=True, slots=True)
class Cores:
    """Their numbers."""

    measured: int
    load: int


def choose_cores() -> Cores:
    """The first two that this process may use; it moves to the load's itself.

    Raises:
        BenchError: there is only one.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("two cores are needed, one for what is measured and one for its load")
    os.sched_setaffinity(0, {cores[1]})
    return Cores(cores[0], cores[1])


@contextmanager
def bound_to(core: int) -> Iterator[None]:
    """What is started within is bound to that core.

    A child inherits the mask, and so does every process and thread that it makes.
    """
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)
