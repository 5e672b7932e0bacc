"""``examples/files.py``: real files, hashed, with their progress."""

import hashlib
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cli.commands import BOUND_S, PROGRAM, Served, environment, read_until, run_command, serve
from examples.calls import EXAMPLES, call

PATH: Final = "/api/_actions/process-files"

CONTENTS: Final[dict[str, bytes]] = {
    "empty": b"",
    "below/ö \N{GRINNING FACE}.txt": b"small",
    "large.bin": bytes(range(256)) * (3 << 12) + b"end",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "outside").write_text("secret")
    root = folder / "root"
    for name, content in CONTENTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "link-inside").symlink_to("empty")
    (root / "link-outside").symlink_to("../outside")
    (root / "link-loop").symlink_to("link-loop")
    os.mkfifo(root / "fifo")
    return root


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serve(EXAMPLES / "files.py", env={"FILES_ROOT": str(root)}) as served:
        yield served


def test_each_file_is_a_chunk_with_its_hash_and_the_progress(served: Served) -> None:
    names = [*CONTENTS, "link-inside", "below/../empty", "empty", "empty"]
    chunks, error = call(served.url + PATH, {"paths": names})
    assert error is None
    contents = [*CONTENTS.values(), b"", b"", b"", b""]
    assert chunks == [
        {
            "progress": round(current / len(names) * 100),
            "current": current,
            "total": len(names),
            "fileName": name,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for current, (name, content) in enumerate(zip(names, contents, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    ("path", "code", "status_code"),
    [
        ("../outside", "PATH_FORBIDDEN", 403),
        ("/etc/hostname", "PATH_FORBIDDEN", 403),
        ("link-outside", "PATH_FORBIDDEN", 403),
        ("below/../../outside", "PATH_FORBIDDEN", 403),
        ("../root-not", "PATH_FORBIDDEN", 403),
        ("missing", "FILE_NOT_FOUND", 404),
        ("below", "FILE_NOT_FOUND", 404),
        ("fifo", "FILE_NOT_FOUND", 404),
        ("link-loop", "FILE_NOT_FOUND", 404),
        ("", "FILE_NOT_FOUND", 404),
        ("nul\x00", "FILE_NOT_FOUND", 404),
        ("x" * 300, "FILE_NOT_FOUND", 404),
    ],
)
def test_a_path_that_is_refused(served: Served, path: str, code: str, status_code: int) -> None:
    chunks, error = call(served.url + PATH, {"paths": ["empty", path]})
    assert chunks == []
    assert error is not None
    assert (error.code, error.status_code) == (code, status_code)
    assert error.field_errors is not None
    assert list(error.field_errors) == ["paths.1"]


@pytest.mark.parametrize("input", [{"paths": []}, {"paths": [1]}, {}])
def test_an_input_that_is_refused(served: Served, input: dict[str, Any]) -> None:
    chunks, error = call(served.url + PATH, input)
    assert chunks == []
    assert error is not None
    assert error.code == "VALIDATION_ERROR"


def test_the_suggested_call_hashes_the_examples_and_shows_a_bar() -> None:
    with serve(EXAMPLES / "files.py") as served:
        arguments = served.calls[0][1:]
        assert run_command(*arguments).stdout.count(b'"sha256"') == 3
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [PROGRAM, *arguments], stdout=theirs, stderr=theirs, env=environment()
        ) as shown:
            os.close(theirs)
            drawn = read_until(ours, b"\n")
            assert shown.wait(BOUND_S) == 0
        os.close(ours)
    assert b"] 100%  secured.py" in drawn
    assert b"sha256" not in drawn
