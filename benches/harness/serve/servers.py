"""The servers that are compared: how each is started, and how its streams end."""

from dataclasses import dataclass
from typing import Final, Literal

from harness.paths import LOAD_BINARIES, NODE
from harness.process import make_argv
from harness.results import OURS

GRANIAN: Final = (
    "granian",
    "--workers=1",
    "--loop=uvloop",
    "--no-ws",
    # The same as `streamactions serve`: at Granian's own 1,024 the later streams wait for the earlier.
    "--backpressure=65536",
    "--backlog=4096",
    "--log-level=warning",
)
UVICORN: Final = (
    "uvicorn",
    "--loop=uvloop",
    "--http=httptools",
    "--backlog=4096",
    "--no-access-log",
    "--log-level=warning",
)


@dataclass(frozen=True, slots=True)
class Server:
    """One of the servers.

    Attributes:
        name: its name in tables and for ``--server``.
        title: what it is, for readers.
        command: its command line, with ``{port}`` to be filled in.
        end: what comes after the last event, in the load client's words.
        path: where the stream is asked for.
        needs_node: whether it runs only where Node is installed.
    """

    name: str
    title: str
    command: tuple[str, ...]
    end: Literal["done", "nuxt-actions", "body"]
    path: str = "/"
    needs_node: bool = False

    def argv(self, port: int) -> list[str]:
        """The command line for that port."""
        return make_argv(self.command, port=port)


def _ours(name: str, title: str, action: str, *options: str) -> Server:
    command = ("streamactions", "serve", "ours.py", "--workers=1", "--port={port}", *options)
    return Server(name, title, command, "done", f"/api/_actions/{action}")


def _uvicorn(name: str, title: str, module: str, end: Literal["done", "body"] = "body") -> Server:
    return Server(name, title, (*UVICORN, "--port={port}", f"{module}:app"), end)


SERVERS: Final = (
    Server(
        "floor-each", "floor: one write an event", (str(LOAD_BINARIES / "floor"), "{port}", "each"), "done"
    ),
    Server(
        "floor-gather", "floor: 64 KiB a write", (str(LOAD_BINARIES / "floor"), "{port}", "gather"), "done"
    ),
    _ours(OURS, "streamactions", "chat"),
    _ours("streamactions-middleware", "streamactions, one middleware", "chat-middleware"),
    _ours("streamactions-output", "streamactions, output= model", "chat-output"),
    _ours("streamactions-rloop", "streamactions, --loop rloop", "chat", "--loop=rloop"),
    Server(
        "granian-rsgi",
        "Granian RSGI by hand",
        (*GRANIAN, "--interface=rsgi", "--port={port}", "rsgi_by_hand:app"),
        "done",
    ),
    Server(
        "granian-asgi",
        "Granian ASGI by hand",
        (*GRANIAN, "--interface=asgi", "--port={port}", "asgi_by_hand:app"),
        "done",
    ),
    _uvicorn("uvicorn", "uvicorn ASGI by hand", "asgi_by_hand", "done"),
    Server("aiohttp", "aiohttp server by hand", ("python", "aiohttp_server.py", "{port}"), "done"),
    _uvicorn("starlette", "Starlette, uvicorn", "starlette_app", "done"),
    _uvicorn("sse-starlette", "sse-starlette, uvicorn", "sse_starlette_app"),
    _uvicorn("litestar", "Litestar SSE, uvicorn", "litestar_app"),
    _uvicorn("fastapi", "FastAPI's own SSE, uvicorn", "fastapi_app"),
    Server(
        "node",
        "Node http by hand",
        ("node", str(NODE / "http_by_hand.mjs"), "{port}"),
        "done",
        needs_node=True,
    ),
    Server(
        "nuxt-actions",
        "nuxt-actions on h3, Node",
        ("node", str(NODE / "nuxt_actions.mjs"), "{port}"),
        "nuxt-actions",
        needs_node=True,
    ),
)
