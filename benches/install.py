"""Install what the benchmarks need: ``python3 benches/install.py``.

``serve.py``, ``client.py`` and ``relay.py`` do it by themselves.
"""

import sys

from harness.environment import prepare
from harness.errors import BenchError

if __name__ == "__main__":
    try:
        prepare()
    except BenchError as error:
        sys.exit(f"install: {error}")
