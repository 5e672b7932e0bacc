"""Finding actions in modules, files and folders."""

from pathlib import Path
from types import ModuleType

import pytest

from streamactions import DefinitionError, StreamAction, StreamActions
from streamactions.discovery import collect_actions

ACTION = """
from streamactions import define_stream_action

@define_stream_action
async def {name}(stream):
    await stream.send(1)
"""


def write(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(ACTION.format(name=name) for name in names))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "chat.py", "ai_chat", "ai_summary")
    write(tmp_path / "deeper" / "files.py", "process_files")
    write(tmp_path / "_private.py", "hidden")
    write(tmp_path / "_drafts" / "draft.py", "drafted")
    write(tmp_path / ".cache" / "cached.py", "cached")
    (tmp_path / "helpers.py").write_text("ANSWER = 42\n")
    (tmp_path / "notes.txt").write_text("no Python")
    return tmp_path


@pytest.mark.parametrize("kind", [Path, str])
def test_a_folder(folder: Path, kind: type) -> None:
    assert set(StreamActions([kind(folder)]).actions) == {"ai-chat", "ai-summary", "process-files"}


def test_a_file(folder: Path) -> None:
    assert set(collect_actions([folder / "chat.py"])) == {"ai-chat", "ai-summary"}


def test_a_module(folder: Path) -> None:
    module = ModuleType("module")
    exec(ACTION.format(name="in_module"), vars(module))
    vars(module)["same"] = vars(module)["in_module"]
    assert list(collect_actions([module])) == ["in-module"]


def test_sources_of_all_kinds(folder: Path) -> None:
    module = ModuleType("module")
    exec(ACTION.format(name="in_module"), vars(module))
    namespace: dict[str, StreamAction] = {}
    exec(ACTION.format(name="alone"), namespace)
    sources: list[StreamAction | ModuleType | str | Path] = [
        namespace["alone"],
        module,
        folder / "chat.py",
        str(folder / "deeper"),
    ]
    assert set(collect_actions(sources)) == {"alone", "in-module", "ai-chat", "ai-summary", "process-files"}


def test_a_file_is_loaded_once(folder: Path) -> None:
    again = folder / "deeper" / ".." / "chat.py"
    assert collect_actions([folder / "chat.py", again]) == collect_actions([folder / "chat.py"])


def test_files_of_the_same_name_are_two(tmp_path: Path) -> None:
    write(tmp_path / "a" / "actions.py", "one")
    write(tmp_path / "b" / "actions.py", "two")
    assert set(collect_actions([tmp_path])) == {"one", "two"}


def test_two_actions_of_one_name(tmp_path: Path) -> None:
    write(tmp_path / "a.py", "same")
    write(tmp_path / "b.py", "same")
    with pytest.raises(DefinitionError, match="two actions are named 'same'"):
        collect_actions([tmp_path])


def test_where_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="there is no file or folder"):
        collect_actions([tmp_path / "missing.py"])
    with pytest.raises(DefinitionError, match="defines no actions: decorate a function"):
        collect_actions([tmp_path])
    (tmp_path / "empty.py").touch()
    with pytest.raises(DefinitionError, match="defines no actions: decorate a function"):
        collect_actions([tmp_path / "empty.py"])
    with pytest.raises(DefinitionError, match="module bare defines no actions"):
        collect_actions([ModuleType("bare")])


def test_a_file_that_fails_says_so_each_time(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            collect_actions([tmp_path / "broken.py"])


def test_what_is_no_source() -> None:
    with pytest.raises(DefinitionError, match="is no action"):
        collect_actions([1])  # type: ignore[list-item]


def test_a_list_is_needed(folder: Path) -> None:
    with pytest.raises(DefinitionError, match="takes a list"):
        StreamActions(str(folder))
