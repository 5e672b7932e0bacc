"""``python -m soak --seconds 60 --seed 7``, from the folder of the tests."""

import argparse
import contextlib
import io
import sys
import time

from soak.chaos import tell_deeds
from soak.soaking import DEFAULT_WIDTH, soak

MAX_FAULTS_SHOWN = 50


def main() -> int:
    """Run one round, print what it has shown, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long calls are made")
    parser.add_argument("--seed", type=int, help="draws the same again; the clock's by default")
    parser.add_argument("--width", type=int, default=DEFAULT_WIDTH, help="how many calls are made at once")
    options = parser.parse_args()
    seed = time.time_ns() % 1_000_000 if options.seed is None else options.seed
    print(f"Soaking for {options.seconds:g} s and what comes before and after (seed {seed})", flush=True)
    # The server's log is shown where it explains a fault.
    with contextlib.redirect_stdout(io.StringIO()):
        outcome = soak(options.seconds, seed, options.width)
    verdict = outcome.verdict
    print(verdict.table())
    print(f"workers: {tell_deeds(outcome.deeds)}")
    print(*outcome.holdings, sep="\n")
    for fault in verdict.faults[:MAX_FAULTS_SHOWN]:
        print(fault)
    if len(verdict.faults) > MAX_FAULTS_SHOWN:
        print(f"and {len(verdict.faults) - MAX_FAULTS_SHOWN} more faults")
    if verdict.faults:
        print(f"The server's log:\n{outcome.log}", file=sys.stderr)
    print(verdict.summary(seed))
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
