"""Finding actions: in lists, modules, files and folders.

A module's actions are the ``StreamAction`` objects that are defined in it or imported into it; a
folder's are those of its ``.py`` files, folders below included, files that start with ``_`` left out.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType

from streamactions.action import StreamAction
from streamactions.errors import DefinitionError

__all__ = ["collect_actions", "load_file", "load_files"]


def collect_actions(
    sources: Iterable[StreamAction | ModuleType | str | PathLike[str]],
) -> dict[str, StreamAction]:
    """All the actions of the sources, by name.

    Raises:
        DefinitionError: a source is none, has none, there is none, or two different actions share a name.
    """
    is_one = isinstance(sources, StreamAction | ModuleType | str | bytes | PathLike | Mapping)
    if is_one or not isinstance(sources, Iterable):
        raise DefinitionError("StreamActions takes a list: write StreamActions([...])")
    actions: dict[str, StreamAction] = {}
    for source in sources:
        for action in _actions_of(source):
            known = actions.setdefault(action.name, action)
            if known is not action:
                raise DefinitionError(
                    f"two actions are named {action.name!r}: give one of them another name="
                )
    if not actions:
        raise DefinitionError(
            "StreamActions has no actions: write StreamActions([my_action]), with functions that are "
            "decorated with @define_stream_action"
        )
    return actions


def _actions_of(source: StreamAction | ModuleType | str | PathLike[str]) -> Iterator[StreamAction]:
    if isinstance(source, StreamAction):
        yield source
    elif isinstance(source, ModuleType):
        yield from _require(_actions_in(source), f"module {source.__name__}")
    elif isinstance(source, str | PathLike):
        path = Path(fspath(source))
        found = [action for module in load_files(path).values() for action in _actions_in(module)]
        yield from _require(found, f"{path}")
    else:
        raise DefinitionError(
            f"{source!r} is no action: decorate the function with @define_stream_action, "
            "or pass a module or the path of a file or folder"
        )


def _is_private(path: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.parts)


def _actions_in(module: ModuleType) -> list[StreamAction]:
    return [value for value in vars(module).values() if isinstance(value, StreamAction)]


def _require(actions: list[StreamAction], where: str) -> list[StreamAction]:
    if not actions:
        raise DefinitionError(f"{where} defines no actions: decorate a function with @define_stream_action")
    return actions


def load_files(path: Path) -> dict[Path, ModuleType]:
    """Import a Python file, or those of a folder; see above for which these are.

    Raises:
        DefinitionError: there is no such file or folder.
        Exception: whatever a file raises.
    """
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.py") if not _is_private(file.relative_to(path)))
    return {file: load_file(file) for file in files}


def load_file(path: Path) -> ModuleType:
    """Import a Python file by its path; the same file is imported once.

    Raises:
        DefinitionError: there is no such file.
        Exception: whatever the file raises.
    """
    resolved = path.resolve()
    if not resolved.is_file():
        raise DefinitionError(f"there is no file or folder {path}: check the path")
    digest = hashlib.blake2s(bytes(resolved), digest_size=6).hexdigest()
    name = f"streamactions_file_{digest}_{resolved.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, resolved)
    if spec is None or spec.loader is None:
        raise DefinitionError(f"{path} is no Python file: pass a .py file, a folder or a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
