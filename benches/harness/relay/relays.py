"""The relays that are compared: how each is started, and where its stream is asked for."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.paths import EXAMPLES, PEERS
from harness.process import fill_in, make_argv
from harness.results import OURS
from harness.serve.servers import UVICORN

NGINX_CONFIG: Final = "nginx_relay.conf"


@dataclass(frozen=True, slots=True)
class Relay:
    """One of the relays.

    Attributes:
        name: its name in tables and for ``--relay``.
        title: what it is, for readers.
        command: its command line, with ``{port}`` and ``{folder}`` to be filled in.
        path: where the stream is asked for.
        is_nginx: whether it is nginx, which needs a configuration file and may not be installed.
    """

    name: str
    title: str
    command: tuple[str, ...]
    path: str = "/relay"
    is_nginx: bool = False

    def argv(self, port: int, folder: Path, upstream_url: str) -> list[str]:
        """The command line for that port; what it needs beside it is put into that folder."""
        if self.is_nginx:
            upstream = upstream_url.removeprefix("http://").partition("/")[0]
            config = (PEERS / NGINX_CONFIG).read_text()
            (folder / NGINX_CONFIG).write_text(fill_in(config, port=port, folder=folder, upstream=upstream))
        return make_argv(self.command, port=port, folder=folder)


def relay_environment(upstream_url: str) -> dict[str, str]:
    """The variables that tell a relay of its upstream; one of ours imports the example."""
    path = os.pathsep.join((str(PEERS), str(EXAMPLES)))
    return {"OPENAI_BASE_URL": upstream_url, "OPENAI_API_KEY": "none", "PYTHONPATH": path}


def _ours(name: str, title: str, app: Path) -> Relay:
    command = ("streamactions", "serve", str(app), "--workers=1", "--port={port}")
    return Relay(name, title, command, "/api/_actions/relay-chat")


NGINX: Final = "nginx"

RELAYS: Final = (
    _ours(OURS, "streamactions, examples/relay.py", EXAMPLES / "relay.py"),
    _ours(f"{OURS}-aiohttp", "streamactions, over aiohttp", PEERS / "ours_relay_over_aiohttp.py"),
    Relay(
        NGINX,
        "nginx, unbuffered",
        ("nginx", "-p", "{folder}", "-c", f"{{folder}}/{NGINX_CONFIG}"),
        "/v1/chat/completions",
        is_nginx=True,
    ),
    Relay("aiohttp", "aiohttp on both sides", ("python", "aiohttp_relay.py", "{port}")),
    Relay(
        "fastapi-openai", "FastAPI's own SSE, openai SDK", (*UVICORN, "--port={port}", "fastapi_relay:app")
    ),
)
