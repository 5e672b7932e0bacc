"""What the benchmarks' commands have in common: their options, where results go, how they end."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.errors import BenchError
from harness.paths import BUILD, RESULTS
from harness.rounds import ROUNDS

PARTIAL_RESULTS: Final = BUILD / "results"


def make_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options that all of them have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--rounds", type=_positive, help=f"rounds; the median counts (default: {ROUNDS}, quick: 1)"
    )
    parser.add_argument("--quick", action="store_true", help="small loads, one round: shows that all works")
    parser.add_argument(
        "--out", type=Path, help="folder for the results (default: benches/results for a full run)"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return number


def choose_rounds(arguments: argparse.Namespace) -> int:
    """How many rounds these options ask for."""
    return int(arguments.rounds or (1 if arguments.quick else ROUNDS))


def choose_folder(arguments: argparse.Namespace, *, is_partial: bool) -> Path:
    """Where results go: those of a small run or of a part would stand for more than they are."""
    if arguments.out is not None:
        return Path(arguments.out)
    is_full = not (is_partial or arguments.quick) and choose_rounds(arguments) >= ROUNDS
    return RESULTS if is_full else PARTIAL_RESULTS


def exit_with(main: Callable[[], int]) -> None:
    """Run a command; what cannot be measured is one line on the standard error stream."""
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")
