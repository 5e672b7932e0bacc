"""The console: one page that calls the actions and shows their streams, for whoever writes them.

``page`` holds what the browser gets: plain ES modules without a build step. ``describe`` makes
what that page reads about the actions. Nothing here knows HTTP; ``app.pages`` serves it.
"""

from functools import cache
from importlib.resources import files

from streamactions.console.describe import describe_actions

__all__ = ["describe_actions", "read_files"]


@cache
def read_files() -> dict[str, bytes]:
    """The page's files by name; ``index.html`` finds the others below ``console/``."""
    folder = files(__name__) / "page"
    return {
        entry.name: entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        # Node needs a package.json to test the modules; a browser does not.
        if entry.name != "package.json"
    }
