"""What holds for every test: property tests have no deadline, and Ctrl-C works in what is started."""

import signal

from hypothesis import settings

settings.register_profile("streamactions", deadline=None)
settings.load_profile("streamactions")

# A shell that runs this in the background has SIGINT ignored, and what the tests start would inherit
# that: Ctrl-C is one of the things that they test.
signal.signal(signal.SIGINT, signal.default_int_handler)
