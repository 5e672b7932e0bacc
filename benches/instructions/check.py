"""A guard that needs no clock: instructions per event, against stored counts.

``python benches/instructions/check.py`` compares, ``--update`` stores what is counted now. Run it
with the interpreter that streamactions is installed for, as a release build. A count that fell
fails as well: store it, or the next rise hides behind it.
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from callgrind import CountError, count_per_event

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
COUNTS: Final = HERE / "counts.json"
TOLERANCE: Final = 0.05

WIRE_WORKLOADS: Final = (
    "encode",
    "encode-fields",
    "decode",
    "decode-one-by-one",
    "decode-cut",
    "decode-huge-line",
    "decode-many-lines",
    "buffer",
)
WIRE_EVENTS: Final = 20_000
BORDER_WORKLOADS: Final = (
    "border-send",
    "border-encode",
    "border-decode",
    "border-decode-one-by-one",
    "border-iterate-one-by-one",
    "border-read-one-by-one",
)
BORDER_EVENTS: Final = 5_000


def read_environment() -> dict[str, str]:
    """What the counts depend on besides the code."""
    rustc = _output(["rustc", "--version"]).split()[1]
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        "rustc": rustc,
    }


def count_all() -> dict[str, float]:
    """Instructions per event, by workload."""
    workload = _build_wire_workload()
    counts = {}
    for name in WIRE_WORKLOADS:
        counts[name] = count_per_event([workload, name], WIRE_EVENTS)
    for name in BORDER_WORKLOADS:
        counts[name] = count_per_event([sys.executable, str(HERE / "workload.py"), name], BORDER_EVENTS)
    return {name: round(count, 1) for name, count in counts.items()}


def _build_wire_workload() -> str:
    cargo = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "wire", "--example", "workload"]
    messages = _output([*cargo, "--message-format=json"]).splitlines()
    for message in map(json.loads, messages):
        if message.get("executable") and message["target"]["name"] == "workload":
            return str(message["executable"])
    raise CountError("cargo built no workload")


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CountError(f"{command[0]} is not installed") from error
    if done.returncode != 0:
        raise CountError(f"{' '.join(command)} failed:\n{done.stderr}".rstrip())
    return done.stdout


def compare(stored: dict[str, float], counted: dict[str, float]) -> int:
    """Print one line a workload; returns how many are off."""
    off = 0
    print(f"{'workload':<26} {'stored':>9} {'now':>9} {'change':>8}")
    for name, now in counted.items():
        before = stored.get(name)
        change = None if before is None else now / before - 1
        is_off = change is None or abs(change) > TOLERANCE
        off += is_off
        figures = f"{'-' if before is None else before:>9} {now:>9}"
        print(f"{name:<26} {figures} {'new' if change is None else f'{change:+.1%}':>8}{'  OFF' * is_off}")
    for name in sorted(stored.keys() - counted.keys()):
        print(f"{name:<26} is stored and no longer counted  OFF")
        off += 1
    return off


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Count instructions per event and compare with stored counts."
    )
    parser.add_argument("--update", action="store_true", help="store what is counted now")
    is_update = parser.parse_args().update
    environment = read_environment()
    if not is_update:
        if not COUNTS.exists():
            raise CountError(f"there is no {COUNTS.name}: store the counts with --update")
        document: dict[str, Any] = json.loads(COUNTS.read_text())
        if document["environment"] != environment:
            raise CountError(
                f"the stored counts are of {document['environment']} and this is {environment}: "
                "use the same, or store new ones with --update"
            )
    counted = count_all()
    if is_update:
        document = {"environment": environment, "instructions_per_event": counted}
        COUNTS.write_text(json.dumps(document, indent=2) + "\n")
        print(f"stored {len(counted)} counts in {COUNTS.relative_to(ROOT)}")
        return 0
    off = compare(document["instructions_per_event"], counted)
    if off:
        print(
            f"{off} counts are off by more than {TOLERANCE:.0%}: find out why, or --update what is intended"
        )
    else:
        print(f"{len(counted)} counts are within {TOLERANCE:.0%}")
    return 1 if off else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CountError as error:
        sys.exit(f"instructions: {error}")
