"""The examples import their neighbours, as they do when they are served."""

import sys

from examples.calls import EXAMPLES

sys.path.insert(0, str(EXAMPLES))
