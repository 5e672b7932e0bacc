"""From what a user names to the app: ``module:app``, a ``.py`` file, or a folder of action files.

A file or a folder is put in front of ``sys.path``, as Python does for a script, so that files can
import their neighbours; for ``module:app`` it is the working directory.
"""

import importlib
import sys
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, Final

from starlette.routing import Router

from streamactions.action import StreamAction
from streamactions.app import StreamActions
from streamactions.discovery import load_file, load_files
from streamactions.errors import DefinitionError
from streamactions.serve.apps import (
    explain_no_app,
    find_apps,
    find_makers,
    holds,
    is_bare,
    is_framework_app,
    walk_apps,
)
from streamactions.serve.errors import TargetError

__all__ = ["import_folder", "load_app"]

APP_NAMES: Final = ("app", "application", "asgi")
"""What an ASGI app is called by convention."""


def import_folder(target: str) -> Path:
    """The folder that imports start from, and whose changes matter."""
    path = Path(target)
    if path.is_dir():
        return path.resolve()
    return path.resolve().parent if target.endswith(".py") else Path.cwd()


def load_app(target: str) -> Any:
    """Import the ASGI app that ``target`` names.

    Args:
        target: ``module:app``; a ``.py`` file with an app or actions; or a folder of files with actions.
            A file's app is what is named ``app``, ``application`` or ``asgi``, else the only app of
            Starlette, FastAPI or this package that is in no other, under any name.

    Raises:
        TargetError: there is none, or its module cannot be imported.
    """
    if not target:
        raise TargetError("there is nothing to serve: write a file, a folder, or module:app")
    path = Path(target)
    _put_in_front(str(import_folder(target)))
    try:
        if path.is_dir():
            return _load_folder(path)
        if target.endswith(".py"):
            return _find_app(load_file(path), target)
        module_name, separator, attributes = target.partition(":")
        # Such as a URL, or a path that is not there.
        names = [*module_name.split("."), *attributes.split(".")]
        if not separator or not all(name.isidentifier() for name in names):
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
    _require_app(app, target, attributes)
    return app


def _require_app(app: object, target: str, name: str) -> None:
    if (what := explain_no_app(app)) is not None:
        wanted = name if not isinstance(app, StreamAction) else "app"
        actions = "..." if not isinstance(app, StreamAction) else name
        raise TargetError(
            f"{target} must be an ASGI app, but {what}: write {wanted} = StreamActions([{actions}])"
        )


def _find_app(module: ModuleType, target: str) -> Any:
    """The app of a file; its bare actions only where nothing in it may be what guards them."""
    apps = find_apps(module)
    by_name = [name for name in APP_NAMES if name in apps]
    found = by_name[0] if by_name else _find_sole_app(apps, target)
    if found is not None:
        _refuse_if_inside(found, apps, target)
        return apps[found]
    app = getattr(module, "app", None)
    if not callable(app) or isinstance(app, StreamAction):
        _refuse_makers(module, target)
        return StreamActions([module])
    # Called by other names than ASGI's, but an app by its name.
    _require_app(app, f"{target}'s app", "app")
    return app


def _find_sole_app(apps: dict[str, Any], target: str) -> str | None:
    """The name of the only app that is in no other; ``None`` where there is no app at all."""
    outer = {name: app for name, app in apps.items() if not any(holds(other, app) for other in apps.values())}
    meant = [name for name, app in outer.items() if is_framework_app(app)]
    if len(meant) > 1:
        raise TargetError(
            f"{target} has several apps ({', '.join(meant)}): name one of them app, or write "
            f"{_as_module(target)}:{meant[0]}"
        )
    if meant:
        return meant[0]
    # A router is there to be included in an app elsewhere, unless it has the actions.
    others = [
        name
        for name, app in outer.items()
        if not isinstance(app, Router) or any(is_framework_app(inner) for _, inner in walk_apps(app))
    ]
    if others:
        raise TargetError(
            f"{target} has what may be the app that guards its actions ({', '.join(others)}): write "
            f"{_as_module(target)}:{others[0]} to serve it, or name it app"
        )
    return None


def _refuse_if_inside(name: str, apps: dict[str, Any], target: str) -> None:
    """An app that another one passes requests on to may be guarded by that."""
    for outer, app in apps.items():
        if app is not apps[name] and not isinstance(app, Router) and holds(app, apps[name]):
            module = _as_module(target)
            raise TargetError(
                f"{target}'s {name} is inside of its {outer}, which may guard it: write {module}:{outer}, "
                f"or {module}:{name} to serve it alone"
            )


def _refuse_makers(module: ModuleType, where: object) -> None:
    """A function that makes the app was not called: what it adds to the actions is not there."""
    for name in find_makers(module):
        raise TargetError(
            f"{where} has {name}(), which makes an app that may guard its actions: write app = {name}()"
        )


def _as_module(target: str) -> str:
    """How a file is written in ``module:app``, in its folder."""
    return Path(target).stem


def _load_folder(path: Path) -> StreamActions:
    """An app of a folder's actions, unless one of its files has an app that may be what guards them."""
    served = StreamActions([path])
    for file, module in load_files(path).items():
        apps = find_apps(module)
        if not apps:
            _refuse_makers(module, file)
        for name, app in apps.items():
            if isinstance(app, StreamActions | Router) or not _may_guard(app, served):
                continue
            raise TargetError(
                f"{file} has the app {name}, which may guard its actions: serve {file}, "
                "or move the actions that need no guard to a folder of their own"
            )
    return served


def _may_guard(app: Any, served: StreamActions) -> bool:
    """Whether an app may add something to actions that would be served without it."""
    if not is_framework_app(app):
        return True
    return any(
        isinstance(inner, StreamActions)
        and any(action in served.actions.values() for action in inner.actions.values())
        and not is_bare(app, inner)
        for _, inner in walk_apps(app)
    )


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
