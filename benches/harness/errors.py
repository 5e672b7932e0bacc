"""What can go wrong with a benchmark."""


class BenchError(Exception):
    """Something cannot be measured; the message says what to do."""


class RunError(Exception):
    """One run of one server went wrong; the others go on, and the benchmark fails at its end."""
