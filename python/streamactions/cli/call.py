"""``streamactions call``: run an action from the terminal and print its chunks as they come."""

import asyncio
import re
import sys
from contextlib import aclosing
from typing import Any, Final

import click
from pydantic_core import from_json

from streamactions.cli.explain import explain_no_answer
from streamactions.cli.printer import ChunkPrinter
from streamactions.client import use_stream_action
from streamactions.client.url import read_url
from streamactions.errors import ActionError, DefinitionError
from streamactions.printable import escape_controls

__all__ = ["call"]

METHODS: Final = ("POST", "GET", "PUT", "PATCH", "DELETE")

_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, 5.6.2)."""

_LINE_END: Final = re.compile(r"[\r\n\0]")

EXIT_INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells have it."""


@click.command(short_help="Run an action and print its chunks.")
@click.argument("url")
@click.argument("json", default="{}")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Send this; repeatable."
)
@click.option(
    "-X",
    "--method",
    type=click.Choice(METHODS),
    default="POST",
    show_default=True,
    help="The action's HTTP method.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Give up after this time.  [default: no limit]",
)
@click.option("--raw", is_flag=True, help="Print each chunk as one line of JSON, whatever it holds.")
def call(
    url: str, json: str, headers: tuple[str, ...], method: str, timeout_s: float | None, raw: bool
) -> None:
    """Run the action at URL with the input JSON, and print its chunks as they come.

    JSON is {} where it is left out, and - reads it from the standard input stream.

    Chunks that hold nothing but a text are printed as that text, without breaks; others as one line
    of JSON each. Where they tell their progress and the terminal can show it, there is a bar. What a
    terminal would obey is written out (\\x1b); a pipe or a file gets every text as it is.

    Exit codes: 0 the stream is complete, 1 it failed, 2 the command is wrong, 130 Ctrl-C.
    """
    value = _read_json(json)
    if method == "GET" and not isinstance(value, dict):
        raise click.BadParameter('GET sends an object: write it like \'{"city": "Oslo"}\'', param_hint="JSON")
    printer = ChunkPrinter(raw=raw)
    url = _whole_url(url)
    try:
        handle = use_stream_action(
            url,
            method=method,
            headers=dict(_split_header(header) for header in headers),
            timeout=timeout_s,
            keep_chunks=False,
        )
    except DefinitionError as error:
        raise click.UsageError(str(error)) from error

    async def run() -> None:
        async with aclosing(handle.stream(value)) as chunks:
            async for chunk in chunks:
                printer.print(chunk)

    try:
        asyncio.run(run())
    except ActionError as error:
        printer.finish()
        hint = explain_no_answer(url) if error.code == "CONNECTION_ERROR" else None
        click.echo(escape_controls(f"{error.code}: {hint or error.message}"), err=True)
        for field, messages in (error.field_errors or {}).items():
            for message in messages:
                click.echo(escape_controls(f"  {field}: {message}"), err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        printer.finish()
        sys.exit(EXIT_INTERRUPTED)
    printer.finish()


def _whole_url(url: str) -> str:
    """The URL with its scheme, which may be left out.

    Raises:
        click.BadParameter: it is none that HTTP can reach.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        url = f"http://{url}"
    elif scheme.lower() not in ("http", "https"):
        raise click.BadParameter(
            f"actions are called by HTTP, not by {scheme}: write http://{rest} or https://{rest}",
            param_hint="URL",
        )
    try:
        read_url(url)
    except DefinitionError as error:
        example = "http://127.0.0.1:8000/api/_actions/my-action"
        raise click.BadParameter(
            f"{url!r} names no server to call: write it like {example}", param_hint="URL"
        ) from error
    return url


def _read_json(text: str) -> Any:
    source = sys.stdin.buffer.read() if text == "-" else text
    try:
        return from_json(source, allow_inf_nan=False)
    except ValueError as error:
        raise click.BadParameter(
            f'{error}: write it like \'{{"prompt": "Hello"}}\'', param_hint="JSON"
        ) from error


def _split_header(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon or not _FIELD_NAME.fullmatch(name.strip()) or _LINE_END.search(value.strip()):
        raise click.BadParameter(f"{header!r} is no header: write 'Name: value'", param_hint="--header")
    return name.strip(), value.strip()
