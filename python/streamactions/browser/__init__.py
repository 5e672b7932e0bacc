"""The client for browsers: plain ES modules, which the app serves below its prefix.

``client.js`` is the face, ``vue.js`` and ``react.js`` are the same for those frameworks; the rest
are their parts, imported by relative paths. The ``.d.ts`` files beside them are for type checkers.
"""

from functools import cache
from importlib.resources import files

__all__ = ["read_modules"]


@cache
def read_modules() -> dict[str, bytes]:
    """The ES modules by file name, such as ``"client.js"``; each imports others as ``./name.js``."""
    return {
        entry.name: entry.read_bytes()
        for entry in sorted(files(__name__).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".js")
    }
