"""The numbers of docs/security.md are the code's."""

import importlib
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]

_UNITS: Final = {"s": 1, "ms": 0.001, "KiB": 1024, "MiB": 1024 * 1024, "": 1}

_MODULES: Final = (
    "app.application",
    "app.body",
    "app.calls",
    "app.pulse",
    "client.event_stream",
    "client.http_failure",
    "client.hyper_transport",
    "client.response",
    "fail_fast",
    "field_errors",
    "inputs",
    "middleware.client_ip",
    "middleware.rate_limit",
    "run",
    "serve.idle",
    "serve.limits",
    "serve.logs",
    "serve.server",
    "serve.stop",
    "serve.supervisor",
    "serve.worker",
    "stream",
    "threads",
)

_RUST_SOURCES: Final = "\n".join(path.read_text() for path in sorted((ROOT / "rust").glob("*/src/**/*.rs")))


def rows() -> list[tuple[str, float]]:
    """Each name in the column of bounds, with the number beside it."""
    found = []
    for line in (ROOT / "docs/security.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 5:
            continue
        names = re.findall(r"`(\w+)`", cells[2])
        # A thousands separator is followed by a digit, the next number by a blank.
        numbers = re.findall(r"([\d.]+(?:,\d{3})*) ?(s|ms|KiB|MiB)?(?:,|$)", cells[3])
        if numbers:
            assert len(names) == len(numbers), line
            found += [
                (name, float(number.replace(",", "")) * _UNITS[unit])
                for name, (number, unit) in zip(names, numbers, strict=True)
            ]
    return found


def value_of(name: str) -> float:
    """The value that the code has for a name."""
    for module in _MODULES:
        value = getattr(importlib.import_module(f"streamactions.{module}"), name, None)
        if isinstance(value, int | float):
            return value
    found = re.search(rf"\b{name}(?:: \w+ =|:) ([\d_* ]+)[;,]", _RUST_SOURCES)
    assert found is not None, f"the code has no {name}"
    value = 1
    for factor in found[1].split("*"):
        value *= int(factor)
    return value


@pytest.mark.parametrize(("name", "told"), sorted(set(rows())))
def test_a_bound_is_what_is_told_of_it(name: str, told: float) -> None:
    assert value_of(name) == told


def test_there_are_bounds_to_check() -> None:
    assert len(set(rows())) > 40
