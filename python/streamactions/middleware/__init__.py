"""Middleware: what runs before a stream opens. Rules in ``chain``, ready-made ones beside it."""

from streamactions.middleware.auth import auth_middleware
from streamactions.middleware.chain import Middleware, create_middleware, define_middleware, run_chain
from streamactions.middleware.client_ip import client_ip
from streamactions.middleware.csrf import csrf_middleware
from streamactions.middleware.rate_limit import rate_limit_middleware

__all__ = [
    "Middleware",
    "auth_middleware",
    "client_ip",
    "create_middleware",
    "csrf_middleware",
    "define_middleware",
    "rate_limit_middleware",
    "run_chain",
]
