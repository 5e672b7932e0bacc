"""``streamactions serve``: the options, and what a user reads where one is wrong."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import click

__all__ = ["serve"]

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2

MAX_WORKERS: Final = 1024
"""More processes than any machine has cores."""

MAX_CONNECTIONS: Final = 2**31 - 1
"""What a system's own counters of connections can hold (``listen(2)`` takes an ``int``)."""

MAX_WAIT_S: Final = 365 * 24 * 3600
"""A year: a time that clocks can count."""

_FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(short_help="Serve an app, a file or a folder of actions.")
@click.argument("target")
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen here; 0.0.0.0 is every address.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 finds a free one."
)
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    default=1,
    show_default=True,
    help="Processes that share the port.",
)
@click.option("--reload", is_flag=True, help="Start anew when a file changes. For development.")
@click.option(
    "--loop",
    type=click.Choice(["uvloop", "rloop", "asyncio"]),
    default="uvloop",
    show_default=True,
    help="The event loop.",
)
@click.option(
    "--http",
    type=click.Choice(["auto", "1", "2"]),
    default="auto",
    show_default=True,
    help="The version of HTTP; auto lets the client choose.",
)
@click.option("--ssl-certificate", type=_FILE, help="Serve HTTPS with this certificate chain (PEM).")
@click.option("--ssl-keyfile", type=_FILE, help="The certificate's key (PEM, PKCS#8).")
@click.option(
    "--backpressure",
    type=click.IntRange(1, MAX_CONNECTIONS),
    default=65_536,
    show_default=True,
    help="Connections that one worker has open at once; further ones wait.",
)
@click.option(
    "--backlog",
    type=click.IntRange(128, MAX_CONNECTIONS),
    default=4096,
    show_default=True,
    help="Connections that may wait for a worker.",
)
@click.option(
    "--stop-timeout",
    "stop_timeout_s",
    type=click.IntRange(1, MAX_WAIT_S),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="At Ctrl-C or SIGTERM, how long open streams have to end before they are cut.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error", "critical"]),
    default="info",
    show_default=True,
    help="How much is logged, to the standard error stream.",
)
@click.option(
    "--idle-timeout",
    "idle_timeout_s",
    type=click.IntRange(1, MAX_WAIT_S),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Close a connection that has carried no call for so long.",
)
@click.option("--access-log", is_flag=True, help="Log each call when it is over.")
def serve(target: str, **options: Any) -> None:
    """Serve TARGET with Granian, with options that suit streams.

    TARGET is an app as module:app; or a .py file, of which the app named app, application or asgi is
    served, else the only app of FastAPI, Starlette or StreamActions under any name, else its actions;
    or a folder, whose files' actions are served. Actions that an app may guard are never served
    without it.
    """
    # Granian is loaded only by the command that needs it.
    from streamactions.serve import ServeError, ServeOptions, TargetError
    from streamactions.serve import serve as run

    if (options["ssl_certificate"] is None) != (options["ssl_keyfile"] is None):
        raise click.UsageError("HTTPS needs both --ssl-certificate and --ssl-keyfile")
    try:
        run(target, ServeOptions(**options), program=_program())
    except ServeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_USAGE if isinstance(error, TargetError) else EXIT_FAILURE)


def _program() -> str:
    """How to write this command in another terminal, where the virtual environment may be off."""
    if Path(sys.argv[0]).name == "__main__.py":
        python = Path(sys.executable)
        is_found = shutil.which(python.name) == str(python)
        return f"{python.name if is_found else shlex.quote(str(python))} -m streamactions"
    path = Path(sys.argv[0]).resolve()
    found = shutil.which(path.name)
    return path.name if found is not None and Path(found).resolve() == path else shlex.quote(str(path))
