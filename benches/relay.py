"""Relays: CPU per event of the relay's whole process tree, between one upstream and many readers.

Strategy: upstream and readers run on the last core, the relay on the first; each run starts the relay
afresh, warms it up, and takes the tree's CPU time before and after. Rounds go through all relays in
turn; medians are compared. Every reader must have had every event, or the run is void.

Run: ``python benches/relay.py [--quick]``; needs aiohttp, fastapi, openai, uvicorn, and nginx if installed.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp

from client_read import HERE, start_upstream
from streamactions import SSEDecoder, build_info

ROUNDS: Final = 3
START_BOUND_S: Final = 60
SHAPES: Final[dict[str, tuple[int, int, int]]] = {"spaced": (200, 100, 20), "burst": (20, 2_000, 0)}
"""Streams, events of each, milliseconds between them."""

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")

NGINX: Final = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream model {{ server {upstream}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off; proxy_read_timeout 300s;
        }}
    }}
}}
"""


def ours(port: int, upstream: str, folder: Path) -> list[str]:
    example = HERE.parent / "examples" / "relay.py"
    return [
        sys.executable,
        "-c",
        "from streamactions.cli import main; main()",
        "serve",
        str(example),
        "--port",
        str(port),
    ]


def nginx(port: int, upstream: str, folder: Path) -> list[str]:
    address = upstream.removeprefix("http://").partition("/")[0]
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstream=address, port=port))
    return ["nginx", "-p", str(folder), "-c", str(config)]


def with_aiohttp(port: int, upstream: str, folder: Path) -> list[str]:
    return [sys.executable, str(HERE / "relay_aiohttp.py"), str(port)]


def with_fastapi(port: int, upstream: str, folder: Path) -> list[str]:
    return [sys.executable, str(HERE / "relay_fastapi.py"), str(port)]


RELAYS: Final[dict[str, tuple[Callable[[int, str, Path], list[str]], str]]] = {
    "ours": (ours, "/api/_actions/relay-chat"),
    "nginx": (nginx, "/v1/chat/completions"),
    "aiohttp": (with_aiohttp, "/relay"),
    "fastapi+openai": (with_fastapi, "/relay"),
}
"""What starts each, and the path of its relay."""


def tree_cpu_s(root: int) -> float:
    """User and system time of a process and all its descendants, the ended ones included, in seconds."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            ticks[int(entry.name)] = sum(int(field) for field in fields[11:15])
    total, left = 0, [root]
    while left:
        process = left.pop()
        total += ticks.get(process, 0)
        left += children.get(process, [])
    return total / TICKS_PER_S


async def read_all(url: str, streams: int, body: bytes) -> int:
    """Read all streams at once; the number of events that they had, the last ones not counted."""
    headers = {"content-type": "application/json", "accept": "text/event-stream"}

    async def read(session: aiohttp.ClientSession) -> int:
        decoder, count = SSEDecoder(), 0
        async with session.post(url, data=body, headers=headers) as response:
            if response.status != 200:
                sys.exit(f"{url} answered {response.status}")
            async for data in response.content.iter_any():
                count += len(decoder.feed(data))
        return count - 1

    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        return sum(await asyncio.gather(*(read(session) for _ in range(streams))))


def wait_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + START_BOUND_S
    while time.monotonic() < until_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"the relay did not start: {process.args!r}")


def measure(name: str, upstream: str, streams: int, events: int, interval_ms: int) -> float:
    """CPU of one relay in one run, in microseconds an event."""
    command, path = RELAYS[name]
    model = f"events={events}&interval_ms={interval_ms}"
    body = json.dumps({"prompt": "Hi", "model": model, "messages": [], "stream": True}).encode()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        relay = subprocess.Popen(
            ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command(port, upstream, Path(folder))],
            env={**os.environ, "OPENAI_BASE_URL": upstream, "OPENAI_MODEL": model},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_listening(port, relay)
            url = f"http://127.0.0.1:{port}{path}"
            if asyncio.run(read_all(url, 1, body)) != events:
                sys.exit(f"{name} does not relay")
            before_s = tree_cpu_s(relay.pid)
            count = asyncio.run(read_all(url, streams, body))
            spent_s = tree_cpu_s(relay.pid) - before_s
        finally:
            if relay.poll() is None:
                os.killpg(relay.pid, signal.SIGTERM)
                relay.wait()
    if count != streams * events:
        sys.exit(f"{name} relayed {count} events of {streams * events}")
    return spent_s * 1e6 / count


def main() -> None:
    """Print microseconds of CPU an event for each relay and shape, and how it compares to nginx."""
    parser = argparse.ArgumentParser(description="Relays side by side; CPU per event.")
    parser.add_argument("--quick", action="store_true", help="a fifth of the events, one round")
    parser.add_argument("--only", nargs="*", default=list(RELAYS), help="the relays to run")
    arguments = parser.parse_args()
    if build_info()["profile"] != "release":
        sys.exit("this is a debug build of the extension: build it with 'maturin develop --release'")
    names = [name for name in arguments.only if name != "nginx" or shutil.which("nginx")]
    upstream, base = start_upstream()
    try:
        for shape, (streams, all_events, interval_ms) in SHAPES.items():
            events = all_events // 5 if arguments.quick else all_events
            spent: dict[str, list[float]] = {name: [] for name in names}
            for _ in range(1 if arguments.quick else ROUNDS):
                for name, costs in spent.items():
                    costs.append(measure(name, base, streams, events, interval_ms))
            print(f"{shape}: {streams} streams of {events} events, {interval_ms} ms apart", flush=True)
            nginx_cost = statistics.median(spent["nginx"]) if "nginx" in spent else None
            for name, costs in spent.items():
                cost = statistics.median(costs)
                ratio = "" if not nginx_cost else f"{cost / nginx_cost:8.2f} of nginx"
                print(f"  {name:16}{cost:8.2f} us an event{ratio}   {[round(value, 2) for value in costs]}")
    finally:
        upstream.kill()
        upstream.wait()


if __name__ == "__main__":
    main()
