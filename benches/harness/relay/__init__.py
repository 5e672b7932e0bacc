"""Relays between one upstream and many readers: ``relays`` and ``scenarios`` say what, ``measure`` how."""
