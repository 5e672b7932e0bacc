"""What holds for every test: property tests have no deadline, since no test asserts a time."""

from hypothesis import settings

settings.register_profile("streamactions", deadline=None)
settings.load_profile("streamactions")
