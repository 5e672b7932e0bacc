"""A real nginx in front of a server, run from a folder of its own and ended when the test is over."""

import os
import pwd
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from server.processes import Log

__all__ = ["check_configuration", "find_nginx", "run_nginx"]

INSTALL: Final = "apt-get update && apt-get install -y --no-install-recommends nginx-light"

INSTALL_BOUND_S: Final = 600.0
STOP_BOUND_S: Final = 30.0
"""Turn a hang into a failure."""

_MAIN: Final = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}
}}
"""


@cache
def find_nginx() -> str:
    """Debian's nginx, which is installed first where it is missing and that is allowed."""
    found = _look()
    if found is None:
        may_install = shutil.which("apt-get") is not None and os.getuid() == 0
        assert may_install, f"the tests need nginx; type: sudo sh -c '{INSTALL}'"
        installed = subprocess.run(
            ["sh", "-c", INSTALL],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=INSTALL_BOUND_S,
            check=False,
        )
        assert installed.returncode == 0, installed.stderr
        found = _look()
    assert found is not None
    return found


def _look() -> str | None:
    # Users who are not root seldom have /usr/sbin in their path.
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))


def _write(folder: Path, http: str) -> list[str]:
    """Write a configuration whose ``http`` block holds ``http``; the command that uses it."""
    # Root's nginx would give its rights away, and then could not enter the folder of a test.
    user = f"user {pwd.getpwuid(os.getuid()).pw_name};" if os.getuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(_MAIN.format(folder=folder, user=user, http=http))
    return [find_nginx(), "-p", str(folder), "-e", "stderr", "-c", str(file)]


def check_configuration(folder: Path, http: str) -> "subprocess.CompletedProcess[str]":
    """What ``nginx -t`` says about a configuration."""
    return subprocess.run(
        [*_write(folder, http), "-t"], capture_output=True, text=True, timeout=STOP_BOUND_S, check=False
    )


@contextmanager
def run_nginx(folder: Path, http: str) -> Iterator[Log]:
    """Run nginx with that in its ``http`` block; it must exit cleanly and have logged no error."""
    process = subprocess.Popen(
        _write(folder, http), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    log = Log()
    reader = threading.Thread(target=log.follow, args=(process.stdout,))
    reader.start()
    try:
        # Its sockets listen before it starts the first worker.
        log.wait_for("start worker process ")
        yield log
        process.send_signal(signal.SIGQUIT)
        assert process.wait(STOP_BOUND_S) == 0
    finally:
        # By a signal that it passes on to its workers, which would outlive it otherwise.
        process.terminate()
        process.wait(STOP_BOUND_S)
        reader.join()
        process.stdout.close()
        print(log.text())
    assert not log.lines_with("[error]")
    assert not log.lines_with("[warn]")
