"""Python's cyclic garbage collector, set for a worker with thousands of open streams.

By default it looks through the young objects after every 700 new ones, and now and then through all
that there are: in a web application that stops every stream of the worker for tens of milliseconds.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["YOUNG_OBJECTS", "settled_collector"]

YOUNG_OBJECTS: Final = 10_000
"""How many new objects are looked through at once: a megabyte or two, in less than a millisecond."""


@contextmanager
def settled_collector() -> Iterator[None]:
    """Leave what is made within this block, the app, out of every later collection: it stays anyway.

    Afterwards collections of young objects are rarer, unless the block has chosen a threshold itself.
    """
    at_first = gc.get_threshold()
    yield
    if gc.get_threshold() == at_first:
        gc.set_threshold(YOUNG_OBJECTS, *at_first[1:])
    gc.collect()
    gc.freeze()
