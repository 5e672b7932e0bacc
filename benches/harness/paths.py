"""Where things are."""

from pathlib import Path
from typing import Final

BENCHES: Final = Path(__file__).resolve().parent.parent
ROOT: Final = BENCHES.parent
EXAMPLES: Final = ROOT / "examples"
VECTORS: Final = ROOT / "tests" / "vectors"
PEERS: Final = BENCHES / "peers"
"""The servers and relays that are compared."""

NODE: Final = PEERS / "node"
WORKERS: Final = BENCHES / "workers"
"""What is started in ``VENV`` beside them: decoders, readers, an upstream, a downstream."""

RESULTS: Final = BENCHES / "results"
VENV: Final = BENCHES / ".venv"
BIN: Final = VENV / "bin"
BUILD: Final = ROOT / "target" / "bench"
"""Cargo's output for the wheel; apart, because another interpreter would build everything anew."""

LOAD_BINARIES: Final = BENCHES / "load" / "target" / "release"
