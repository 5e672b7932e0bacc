"""Servers: real ones under a load client. ``servers`` and ``scenarios`` say what, ``measure`` how."""
