"""The server benchmark: real servers on one core, one load client on another, peers side by side.

``environment`` installs what is measured, ``servers`` and ``scenarios`` say what is compared,
``process`` and ``load`` run one server and one client, ``measure`` makes one run of them,
``results``, ``targets`` and ``chart`` tell what came out. It needs the standard library alone.
"""
