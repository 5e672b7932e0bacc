"""From what a user names to the app: ``module:app``, a ``.py`` file, or a folder of action files.

A file or a folder is put in front of ``sys.path``, as Python does for a script, so that files can
import their neighbours; for ``module:app`` it is the working directory.
"""

import importlib
import sys
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from streamactions.app import StreamActions
from streamactions.discovery import load_file
from streamactions.errors import DefinitionError
from streamactions.serve.errors import TargetError

__all__ = ["import_folder", "load_app"]


def import_folder(target: str) -> Path:
    """The folder that imports start from, and whose changes matter."""
    path = Path(target)
    if path.is_dir():
        return path.resolve()
    return path.resolve().parent if target.endswith(".py") else Path.cwd()


def load_app(target: str) -> Any:
    """Import the ASGI app that ``target`` names.

    Args:
        target: ``module:app``; a ``.py`` file with an ``app``, one ``StreamActions`` or actions;
            or a folder of such files.

    Raises:
        TargetError: there is none, or its module cannot be imported.
    """
    path = Path(target)
    _put_in_front(str(import_folder(target)))
    try:
        if path.is_dir():
            return StreamActions([path])
        if target.endswith(".py"):
            return _find_app(load_file(path), target)
        module_name, separator, attributes = target.partition(":")
        if not separator or not module_name or not attributes:
            raise TargetError(f"{target!r} is no file and no folder: check the path, or write module:app")
        return _find_attribute(_import_module(module_name), attributes, target)
    except TargetError:
        raise
    except DefinitionError as error:
        raise TargetError(str(error)) from error
    except SyntaxError as error:
        message = f"{error.filename}, line {error.lineno}: {error.msg}: correct it"
        raise TargetError(message) from error
    except (Exception, SystemExit) as error:
        raise TargetError(_explain_failure(error, target)) from error


def _put_in_front(folder: str) -> None:
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only where it is this module that is missing, and not one that it imports.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise TargetError(f"there is no module {name!r}: run in the folder that holds it") from error
        raise


def _find_attribute(module: ModuleType, attributes: str, target: str) -> Any:
    app: Any = module
    for attribute in attributes.split("."):
        app = getattr(app, attribute, None)
    if not callable(app):
        what = "there is none" if app is None else f"it is of type {type(app).__name__}"
        raise TargetError(
            f"{target} must be an ASGI app, but {what}: write {attributes} = StreamActions([...])"
        )
    return app


def _find_app(module: ModuleType, target: str) -> Any:
    app = getattr(module, "app", None)
    if callable(app):
        return app
    found = {name: value for name, value in vars(module).items() if isinstance(value, StreamActions)}
    if len(found) > 1:
        raise TargetError(f"{target} has several apps ({', '.join(found)}): name one of them app")
    return next(iter(found.values()), None) or StreamActions([module])


def _explain_failure(error: BaseException, target: str) -> str:
    """One line with the last place in the user's own files, so that a traceback can be spared."""
    folder = import_folder(target)
    places = [
        f" ({Path(frame.filename).relative_to(folder)}, line {frame.lineno})"
        for frame in extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder) and ".venv" not in Path(frame.filename).parts
    ]
    reason = " ".join(str(error).split())
    return f"{target} cannot be imported: {type(error).__name__}: {reason}{places[-1] if places else ''}"
