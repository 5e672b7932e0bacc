"""A short round of the soak, with one worker killed and all of them replaced; `make soak` runs long ones."""

from typing import Final

from soak.kinds import KINDS
from soak.soaking import soak

SECONDS: Final = 5.0
SEED: Final = 20261127
WIDTH: Final = 24


def test_nothing_is_lost_doubled_hung_or_left_over() -> None:
    outcome = soak(SECONDS, SEED, WIDTH)
    assert outcome.verdict.faults == []
    assert {deed.name for deed in outcome.deeds} == {"SIGKILL", "SIGHUP"}
    assert {kind.name for kind in KINDS} == set(outcome.verdict.rows)
