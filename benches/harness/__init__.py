"""Runs benchmarks: what is measured on one core, its load on another, peers side by side.

What all of them share is here: ``environment`` installs what is measured, ``process`` and ``memory``
run and watch it, ``rounds`` takes turns, ``results``, ``targets``, ``tables``, ``chart`` and
``report`` tell what came out. The folders ``serve``, ``client`` and ``relay`` say what is compared
and how one run of it is made. It all needs the standard library alone: what needs more runs in a
process of its own, see ``peers`` and ``workers``.
"""
