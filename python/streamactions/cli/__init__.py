"""The command ``streamactions``: ``serve`` an app, ``call`` an action."""

import click

from streamactions import __version__
from streamactions.cli.call import call
from streamactions.cli.serve import serve

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Streaming server actions: serve them, and call them from the terminal."""


main.add_command(call)
main.add_command(serve)
