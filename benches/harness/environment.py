"""Installs what is measured: pinned peers, the load client and a release wheel of this tree.

Strategy: everything has a place of its own (``benches/.venv``, ``benches/load/target``,
``benches/peers/node/node_modules``), pins decide what is in it, and an unchanged pin is not
installed twice. The wheel is built each time, so that no run measures a stale build.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from harness.errors import BenchError
from harness.paths import BENCHES, BIN, BUILD, LOAD_BINARIES, NODE, ROOT, VENV

NODE_PACKAGES: Final = ("nuxt-actions", "h3", "zod")


def has_node() -> bool:
    """Whether the peers for Node can run."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


def has_nginx() -> bool:
    """Whether nginx can run."""
    return shutil.which("nginx") is not None


def prepare() -> None:
    """Install everything.

    Raises:
        BenchError: a tool is missing or failed, or the extension is not a release build.
    """
    if not (BIN / "python").exists():
        _step("making benches/.venv", [sys.executable, "-m", "venv", str(VENV)])
    requirements = BENCHES / "requirements.txt"
    if not _is_current(VENV, requirements):
        pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(requirements)]
        _step("installing pinned peers", pip)
        _mark_current(VENV, requirements)
    _install_wheel()
    cargo = ["cargo", "build", "--quiet", "--release", "--locked"]
    _step("building the load client", cargo, cwd=BENCHES / "load")
    if not (LOAD_BINARIES / "load").exists():
        raise BenchError("cargo built no load client: unset CARGO_TARGET_DIR and CARGO_BUILD_TARGET_DIR")
    if has_node() and not _is_current(NODE / "node_modules", NODE / "package-lock.json"):
        npm = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        _step("installing pinned peers for Node", npm, cwd=NODE)
        _mark_current(NODE / "node_modules", NODE / "package-lock.json")
    refuse_debug_build(read_build_info())


def read_build_info() -> dict[str, str]:
    """What the installed extension says of itself."""
    code = "import json, streamactions; print(json.dumps(streamactions.build_info()))"
    build_info: dict[str, str] = json.loads(_output([str(BIN / "python"), "-c", code]))
    return build_info


def refuse_debug_build(build_info: dict[str, str]) -> None:
    """A debug build is several times slower, so its figures would say nothing.

    Raises:
        BenchError: it is one.
    """
    if build_info["profile"] != "release":
        raise BenchError(
            f"streamactions._core is a {build_info['profile']} build: install one made with --release"
        )


def read_versions(*packages: str) -> dict[str, str]:
    """The version of Python, of streamactions, and of the packages of its environment that are named."""
    code = (
        "import json, sys; from importlib.metadata import version\n"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    python = str(BIN / "python")
    versions: dict[str, str] = json.loads(_output([python, "-c", code, "streamactions", *packages]))
    return {"python": _output([python, "-V"]).split()[1], **versions}


def read_node_versions() -> dict[str, str]:
    """The version of Node and of its peers; none where it is not installed."""
    if not has_node():
        return {}
    lock: dict[str, Any] = json.loads((NODE / "package-lock.json").read_text())
    return {
        "node": _output(["node", "--version"]).strip().removeprefix("v"),
        **{name: lock["packages"][f"node_modules/{name}"]["version"] for name in NODE_PACKAGES},
    }


def read_nginx_version() -> dict[str, str]:
    """The version of nginx; none where it is not installed."""
    if not has_nginx():
        return {}
    # It goes to the standard error stream: "nginx version: nginx/1.22.1".
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    return {"nginx": said.strip().rpartition("/")[2]}


def _install_wheel() -> None:
    wheels = BUILD / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    maturin = [str(BIN / "maturin"), "build", "--quiet", "--release", "--out", str(wheels)]
    environment = {"CARGO_TARGET_DIR": str(BUILD)}
    _step(
        "building streamactions (release)", [*maturin, "--interpreter", str(BIN / "python")], env=environment
    )
    wheel = next(iter(wheels.glob("*.whl")), None)
    if wheel is None:
        raise BenchError("maturin built no wheel")
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"]
    _step("installing streamactions", [*pip, str(wheel)])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_current(folder: Path, pins: Path) -> bool:
    mark = folder / ".installed"
    return mark.exists() and mark.read_text() == _digest(pins)


def _mark_current(folder: Path, pins: Path) -> None:
    (folder / ".installed").write_text(_digest(pins))


def _step(what: str, command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            command, cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BenchError(f"{what}: {command[0]} is not installed") from error
    if done.returncode != 0:
        raise BenchError(f"{what} failed: {' '.join(command)}\n{done.stdout}{done.stderr}".rstrip())


def _output(command: list[str]) -> str:
    done = subprocess.run(command, cwd=BENCHES, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} failed:\n{done.stderr}".rstrip())
    return done.stdout
