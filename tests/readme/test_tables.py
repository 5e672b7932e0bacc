"""The tables of the README and of ARCHITECTURE name what there is, all of it and nothing else."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

from streamactions import Dialect
from streamactions.errors import ErrorCode

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE: Final = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CRATES: Final = ("wire", "transport", "binding")


def rows(text: str, head: str) -> Iterator[list[str]]:
    """The cells of each row of the table with that head."""
    table = text[text.index(f"\n| {head} |") + 1 :].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def read_toml(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / path).read_text())


def test_every_code_of_an_error_is_in_the_table_of_codes() -> None:
    told = [code for cells in rows(README, "code | status") for code in re.findall(r"`(\w+)`", cells[0])]
    assert sorted(told) == sorted(get_args(ErrorCode))


def test_every_member_of_a_dialect_is_in_its_table() -> None:
    members = {name for name in vars(Dialect) if not name.startswith("_")}
    told = [name for cells in rows(README, "member of a dialect") for name in re.findall(r"`(\w+)", cells[0])]
    assert sorted(told) == sorted(members)


def test_every_dependency_is_in_its_table() -> None:
    python = [
        re.split(r"[^A-Za-z0-9-]", line)[0] for line in read_toml("pyproject.toml")["project"]["dependencies"]
    ]
    rust = {
        name
        for crate in CRATES
        for name, wanted in read_toml(f"rust/{crate}/Cargo.toml")["dependencies"].items()
        if "path" not in wanted
    }
    cells = [cells[0] for cells in rows(ARCHITECTURE, "package | why")]
    told = {
        is_rust: {
            word
            for cell in cells
            if cell.endswith("(Rust)") == is_rust
            for word in re.split(r"[^a-z0-9-]+", cell.removesuffix(" (Rust)"))
        }
        - {"", "with", "its", "and", "for", "their", "interfaces"}
        for is_rust in (True, False)
    }
    assert told[False] == {*python, "pydantic-core"}
    assert told[True] == {*rust, "ring"}


def test_the_install_comes_first_and_says_what_is_true_of_the_index() -> None:
    headings = re.findall(r"^## (.*)", README, re.M)
    assert headings[0] == "Install"
    assert "not in the Python package index" in README
    assert re.search(r"^wheel: .*## ", (ROOT / "Makefile").read_text(), re.M)
