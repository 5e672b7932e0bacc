"""The README's own code runs: every Python block, and the five-minute start from end to end."""

import json
import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```(\w+)\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S
)
PYTHON_BLOCKS = [code for language, code in BLOCKS if language == "python"]


@pytest.mark.parametrize("code", PYTHON_BLOCKS, ids=[f"block-{n}" for n in range(1, len(PYTHON_BLOCKS) + 1)])
def test_every_python_block_runs(code: str) -> None:
    exec(compile(code, str(README), "exec"), {"__name__": "readme"})


def test_every_json_block_is_json() -> None:
    blocks = [json.loads(code) for language, code in BLOCKS if language == "json"]
    assert blocks
    assert all(block["code"] == "VALIDATION_ERROR" for block in blocks)
