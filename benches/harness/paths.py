"""Where things are."""

from pathlib import Path
from typing import Final

BENCHES: Final = Path(__file__).resolve().parent.parent
ROOT: Final = BENCHES.parent
PEERS: Final = BENCHES / "peers"
NODE: Final = PEERS / "node"
RESULTS: Final = BENCHES / "results"
VENV: Final = BENCHES / ".venv"
BIN: Final = VENV / "bin"
BUILD: Final = ROOT / "target" / "bench"
"""Cargo's output for the wheel; apart, because another interpreter would build everything anew."""

LOAD_BINARIES: Final = BENCHES / "load" / "target" / "release"
