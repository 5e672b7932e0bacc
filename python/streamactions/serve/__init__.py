"""Serving an app with Granian: the only room that knows it.

``target`` finds the app that a user names, ``describe`` says what can be called in it, ``address``
makes sure of the port, and ``server`` runs Granian with options that suit streams.
"""

from streamactions.serve.address import Address
from streamactions.serve.errors import ServeError, TargetError
from streamactions.serve.server import ServeOptions, serve
from streamactions.serve.target import load_app

__all__ = ["Address", "ServeError", "ServeOptions", "TargetError", "load_app", "serve"]
