"""Running Granian for streams: many open at once, long-lived, and to be let finish at the end.

Granian's own defaults suit short requests. Here a worker takes as many requests as it can hold
instead of as many as wait in the backlog, and a stop has a bound instead of waiting for ever.
"""

import importlib.util
import logging
import os
import resource
import shlex
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from granian.constants import HTTPModes, Interfaces, Loops
from granian.errors import FatalError
from granian.log import LogLevels
from granian.server import MTServer, Server

from streamactions.app.application import CONSOLE_VARIABLE
from streamactions.app.calls import DEFAULT_STOP_TIMEOUT_S
from streamactions.serve.address import Address, hold_address
from streamactions.serve.collector import settled_collector
from streamactions.serve.describe import TargetSummary, describe_target
from streamactions.serve.errors import ServeError, TargetError
from streamactions.serve.idle import DEFAULT_IDLE_TIMEOUT_S, IdleWatch
from streamactions.serve.limits import http1_settings, http2_settings, max_connections
from streamactions.serve.logs import logging_config
from streamactions.serve.supervisor import Supervisor
from streamactions.serve.target import import_folder, load_app
from streamactions.serve.worker import run_worker

__all__ = ["DEFAULT_BACKLOG", "DEFAULT_BACKPRESSURE", "DEFAULT_STOP_TIMEOUT_S", "ServeOptions", "serve"]

DEFAULT_BACKPRESSURE: Final = 65_536
"""Connections that a worker has at once. At Granian's 1,024 an open stream keeps out a new one."""

DEFAULT_BACKLOG: Final = 4096
"""Connections that wait for a worker; Linux allows no more without a change of its settings."""

RELOAD_STOP_TIMEOUT_S: Final = 1
"""The same at a reload, during which nothing is served."""

MAX_OPEN_FILES: Final = 1 << 20
"""Where the system sets no limit; a stream takes one."""

WORKERS_ARE_THREADS: Final = Server is MTServer
"""Whether Granian is built for a Python without a GIL: then its workers are threads, which nothing cuts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve; the options of ``streamactions serve``, which explains them."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    loop: Literal["uvloop", "rloop", "asyncio"] = "uvloop"
    http: Literal["auto", "1", "2"] = "auto"
    reload: bool = False
    ssl_certificate: Path | None = None
    ssl_keyfile: Path | None = None
    backpressure: int = DEFAULT_BACKPRESSURE
    backlog: int = DEFAULT_BACKLOG
    stop_timeout_s: int = DEFAULT_STOP_TIMEOUT_S
    idle_timeout_s: int = DEFAULT_IDLE_TIMEOUT_S
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    access_log: bool = False


def serve(target: str, options: ServeOptions, *, program: str = "streamactions") -> None:
    """Serve an app until SIGINT or SIGTERM; call it from the main thread.

    Args:
        target: what ``load_app`` takes.
        options: how.
        program: how the user writes the command, for the calls that are suggested.

    Raises:
        ServeError: the server cannot start.
        SystemExit: a worker ended by itself.
    """
    if WORKERS_ARE_THREADS:
        raise ServeError(
            "serve needs a Python with a GIL, because it stops workers that are processes: "
            "use one, or serve the app with 'uvicorn module:app'"
        )
    _require("watchfiles", options.reload, "--reload", "'streamactions[reload]'")
    _require(options.loop, options.loop != "asyncio", f"--loop {options.loop}", options.loop)
    if options.reload:
        # Whoever reloads is developing: the app's console is on, unless the variable says no.
        os.environ.setdefault(CONSOLE_VARIABLE, "1")
    summary = describe_target(target)
    address, held = hold_address(options.host, options.port)
    with held:
        _raise_open_files_limit()
        url = address.url("https" if options.ssl_certificate else "http")
        try:
            server = _make_supervisor(target, options, address, announcement=_announce(summary, url, program))
        except (ssl.SSLError, OSError) as error:
            raise ServeError(f"the TLS certificate or key is not usable ({error}): pass PEM files") from error
        try:
            server.serve(
                spawn_target=partial(run_worker, options.loop, _stop_timeout_s(options)),
                target_loader=partial(
                    _load_in_worker, port=address.port, idle_timeout_s=options.idle_timeout_s
                ),
            )
        except FatalError as error:
            raise ServeError(f"Granian refuses these options: {error}") from error


def _load_in_worker(target: str, *, port: int, idle_timeout_s: float) -> Any:
    """Import the app in a worker; at a reload it may have become wrong."""
    try:
        with settled_collector():
            app = IdleWatch(load_app(target), port, idle_timeout_s)
    except TargetError as error:
        logging.getLogger("streamactions").error("%s", error)
        sys.exit(1)
    app.start()
    return app


def _make_supervisor(
    target: str, options: ServeOptions, address: Address, *, announcement: str
) -> Supervisor:
    return Supervisor(
        target,
        address=address,
        stop_timeout_s=_stop_timeout_s(options),
        announcement=announcement,
        interface=Interfaces.ASGI,
        workers=options.workers,
        loop=Loops(options.loop),
        http=HTTPModes(options.http),
        websockets=False,
        backlog=options.backlog,
        backpressure=max_connections(options.backpressure),
        http1_settings=http1_settings(),
        http2_settings=http2_settings(),
        # What Granian has to say when all is well, the announcement says better.
        log_level=LogLevels.warning if options.log_level == "info" else LogLevels(options.log_level),
        log_dictconfig=logging_config(options.log_level),
        log_access=options.access_log,
        ssl_cert=options.ssl_certificate,
        ssl_key=options.ssl_keyfile,
        reload=options.reload,
        reload_paths=[import_folder(target)],
        reload_ignore_worker_failure=True,
    )


def _stop_timeout_s(options: ServeOptions) -> float:
    return RELOAD_STOP_TIMEOUT_S if options.reload else options.stop_timeout_s


def _announce(summary: TargetSummary, base_url: str, program: str) -> str:
    lines = [f"Serving {base_url}" + ("; in a second terminal, run:" if summary.actions else "")]
    for action in summary.actions:
        method = "" if action.method == "POST" else f" --method {action.method}"
        url, example = shlex.quote(base_url + action.path), shlex.quote(action.example_input)
        lines.append(f"  {program} call{method} {url} {example}")
    lines += [f"Console: {base_url}{path}" for path in summary.console_paths]
    return "\n".join(lines)


def _require(module: str, is_needed: bool, option: str, requirement: str) -> None:
    """Refuse an option whose package is missing.

    Args:
        requirement: what to install, as a shell takes it.
    """
    if is_needed and importlib.util.find_spec(module) is None:
        raise ServeError(f"{option} needs the package {module}: run pip install {requirement}")


def _raise_open_files_limit() -> None:
    """Systems start processes with few, often 1,024; a process may take what the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
