"""``streamactions serve``: what can be served, and that the calls which it suggests work."""

import datetime
import ipaddress
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cli.commands import BOUND_S, PROGRAM, Served, environment, run_command, serve

HELLO: Final = """
from pydantic import BaseModel, Field
from streamactions import StreamActions, define_stream_action
from words import WORD

class Hello(BaseModel):
    name: str = Field(min_length=3, examples=["it's \\"me\\""])

@define_stream_action(input=Hello)
async def say_hello(input, stream):
    await stream.send({"text": f"{WORD} {input.name}"})
"""

COUNT: Final = """
from streamactions import define_stream_action

@define_stream_action(input=int, method="PUT")
async def count_down(input, stream):
    for number in range(input, 0, -1):
        await stream.send(number)
"""

PID: Final = """
import os
from streamactions import define_stream_action

@define_stream_action
async def tell_pid(stream):
    await stream.send(os.getpid())

@define_stream_action
async def crash(stream):
    os._exit(1)
"""

COLLECTOR: Final = """
import gc
from streamactions import define_stream_action
{setting}

@define_stream_action
async def tell_collector(stream):
    await stream.send([gc.get_freeze_count() > 10_000, gc.get_threshold()[0]])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "words.py").write_text('WORD = "hello"\n')
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path


def try_suggestion(served: Served, number: int = 0, **env: str) -> bytes:
    """What the call prints that the server suggested."""
    program, *arguments = served.calls[number]
    assert Path(program).resolve() == Path(PROGRAM).resolve()
    finished = subprocess.run(
        [PROGRAM, *arguments], capture_output=True, env=environment(env), timeout=BOUND_S, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, b"")
    return finished.stdout


def test_a_file_of_actions(folder: Path) -> None:
    with serve(folder / "hello.py") as served:
        assert served.calls[0][2:] == [f"{served.url}/api/_actions/say-hello", '{"name":"it\'s \\"me\\""}']
        assert try_suggestion(served) == b'hello it\'s "me"\n'


def test_a_file_with_an_app(folder: Path) -> None:
    with (folder / "hello.py").open("a") as file:
        file.write('\nother = StreamActions([say_hello], prefix="/other")\n')
        file.write('\napp = StreamActions([say_hello], prefix="/own")\n')
    with serve(folder / "hello.py") as served:
        assert served.calls[0][2] == f"{served.url}/own/say-hello"
        assert try_suggestion(served).startswith(b"hello ")


def test_a_file_with_one_stream_actions(folder: Path) -> None:
    with (folder / "hello.py").open("a") as file:
        file.write('\nother = StreamActions([say_hello], prefix="/other")\n')
    with serve(folder / "hello.py") as served:
        assert served.calls[0][2] == f"{served.url}/other/say-hello"
        assert try_suggestion(served).startswith(b"hello ")


def test_a_folder(folder: Path) -> None:
    (folder / "count.py").write_text(COUNT)
    with serve(folder) as served:
        served.output.wait_for(" call ", 2)
        assert [line.split()[1:3] for line in served.output.lines_with(" call ")] == [
            ["call", "--method"],
            ["call", f"{served.url}/api/_actions/say-hello"],
        ]
        assert try_suggestion(served) == b"1\n"


def test_a_module_in_the_working_directory(folder: Path) -> None:
    (folder / "package").mkdir()
    (folder / "package" / "main.py").write_text(
        "from fastapi import FastAPI\n"
        "from hello import say_hello\n"
        "from streamactions import StreamActions\n"
        "class web:\n"
        "    app = FastAPI()\n"
        'web.app.mount("/below", StreamActions([say_hello]))\n'
    )
    with serve("package.main:web.app", cwd=folder) as served:
        assert served.calls[0][2] == f"{served.url}/below/api/_actions/say-hello"
        assert try_suggestion(served).startswith(b"hello ")


def test_an_app_of_another_kind_is_served_without_suggestions(folder: Path) -> None:
    (folder / "plain.py").write_text(
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 404, 'headers': []})\n"
        "    await send({'type': 'http.response.body'})\n"
    )
    with serve("plain:app", cwd=folder, clean_log=False) as served:
        assert served.calls == []
        finished = run_command("call", f"{served.url}/nothing")
        assert (finished.returncode, finished.stderr[:11]) == (1, b"HTTP_ERROR:")


def test_what_the_code_prints_at_import_does_no_harm(folder: Path) -> None:
    (folder / "words.py").write_text('print("imported")\nWORD = "loud"\n')
    with serve(folder / "hello.py") as served:
        assert try_suggestion(served).startswith(b"loud ")


def told_pid(served: Served) -> int | None:
    """The process that answered a call, or ``None`` where it was not answered."""
    finished = run_command("call", f"{served.url}/api/_actions/tell-pid")
    return int(finished.stdout) if finished.returncode == 0 else None


def test_two_workers_share_the_port(folder: Path) -> None:
    (folder / "pid.py").write_text(PID)
    with serve(folder / "pid.py", "--workers", "2") as served:
        pids: set[int | None] = set()
        while len(pids) < 2:
            pids.add(told_pid(served))
        assert None not in pids


def test_a_worker_that_crashes_is_replaced(folder: Path) -> None:
    (folder / "pid.py").write_text(PID)
    with serve(folder / "pid.py") as served:
        first = told_pid(served)
        assert run_command("call", f"{served.url}/api/_actions/crash").returncode == 1
        while (second := told_pid(served)) is None:
            pass
        assert second != first
        assert served.log.lines_with("Unexpected exit from worker-1")


def test_reload_serves_what_was_written(folder: Path) -> None:
    with serve(folder / "hello.py", "--reload") as served:
        assert try_suggestion(served).startswith(b"hello ")
        (folder / "words.py").write_text("WORD = (\n")
        served.log.wait_for("words.py, line 1: '(' was never closed: correct it")
        (folder / "words.py").write_text('WORD = "goodbye"\n')
        url, example = served.calls[0][2:]
        while not (output := run_command("call", url, example).stdout):
            pass
        assert output.startswith(b"goodbye ")


def test_logs_go_to_the_standard_error_stream(folder: Path) -> None:
    (folder / "noisy.py").write_text(
        "import logging\n"
        "from streamactions import define_stream_action\n"
        "@define_stream_action\n"
        "async def fail(stream):\n"
        '    logging.getLogger("mine").info("before it fails")\n'
        '    raise ValueError("secret")\n'
    )
    with serve(folder / "noisy.py", "--access-log", clean_log=False) as served:
        assert run_command("call", f"{served.url}/api/_actions/fail").returncode == 1
        served.log.wait_for("INFO mine: before it fails")
        served.log.wait_for("ValueError: secret")
        served.log.wait_for('"POST /api/_actions/fail HTTP/1.1" 200')
        assert len(served.log.lines_with("action fail failed")) == 1


def write_certificate(folder: Path, *, is_authority: bool) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that signs itself, and its key; an authority's may sign others."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(certificate_file), str(key_file)


def test_https(folder: Path) -> None:
    certificate, key = write_certificate(folder, is_authority=False)
    options = ("--ssl-certificate", certificate, "--ssl-keyfile", key)
    with serve(folder / "hello.py", *options) as served:
        assert served.url.startswith("https://")
        assert try_suggestion(served, SSL_CERT_FILE=certificate).startswith(b"hello ")
        refused = run_command("call", *served.calls[0][2:])
        assert (refused.returncode, refused.stderr[:17]) == (1, b"CONNECTION_ERROR:")
        assert b"speaks" not in refused.stderr


def test_a_call_with_the_other_scheme_is_told_which_one_the_port_speaks(folder: Path) -> None:
    certificate, key = write_certificate(folder, is_authority=False)
    options = ("--ssl-certificate", certificate, "--ssl-keyfile", key)
    for options_, scheme, says in (
        (options, "http://", "speaks TLS: write https:// instead of http://"),
        ((), "https://", "speaks plain HTTP: write http:// instead of https://"),
    ):
        # A server may log what it was sent that is no HTTP.
        with serve(folder / "hello.py", *options_, clean_log=False) as served:
            where = served.url.partition("://")[2]
            refused = run_command("call", f"{scheme}{where}/api/_actions/say-hello", '{"name": "Ada"}')
        assert (refused.returncode, refused.stderr.decode()) == (1, f"CONNECTION_ERROR: {where} {says}\n")


def test_a_server_that_shows_an_authoritys_certificate(folder: Path) -> None:
    certificate, key = write_certificate(folder, is_authority=True)
    with serve(folder / "hello.py", "--ssl-certificate", certificate, "--ssl-keyfile", key) as served:
        call = served.calls[0][1:]
        refused = subprocess.run(
            [PROGRAM, *call],
            capture_output=True,
            env=environment({"SSL_CERT_FILE": certificate}),
            timeout=BOUND_S,
            check=False,
        )
        assert (refused.returncode, b"CA:FALSE" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("setting", "told"), [("", b"[true,10000]\n"), ("gc.set_threshold(500)", b"[true,500]\n")]
)
def test_what_the_start_has_made_is_left_to_no_collection(folder: Path, setting: str, told: bytes) -> None:
    (folder / "collector.py").write_text(COLLECTOR.format(setting=setting))
    with serve(folder / "collector.py") as served:
        assert try_suggestion(served) == told


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost"])
def test_hosts(folder: Path, host: str) -> None:
    with serve(folder / "hello.py", "--host", host) as served:
        assert served.url.startswith("http://127.0.0.1:")
        assert try_suggestion(served).startswith(b"hello ")


def test_the_command_explains_itself() -> None:
    assert b"call   " in run_command("--help").stdout
    serve_help = run_command("serve", "--help").stdout
    for option in (b"--workers", b"--host", b"--port", b"--reload", b"--loop", b"--http", b"--backpressure"):
        assert option in serve_help
    version = run_command("--version").stdout
    assert version.startswith(b"streamactions ")


def test_python_m_is_the_same_command(folder: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "streamactions", "--help"], capture_output=True, timeout=BOUND_S, check=True
    )
    assert shown.stdout.startswith(b"Usage: python -m streamactions ")
    with serve(folder / "hello.py", program=(sys.executable, "-m", "streamactions")) as served:
        program, *arguments = served.calls[0]
        assert (Path(program).name, arguments[:3]) == (
            Path(sys.executable).name,
            ["-m", "streamactions", "call"],
        )
        finished = subprocess.run(
            [sys.executable, *arguments], capture_output=True, env=environment(), timeout=BOUND_S, check=False
        )
        assert (finished.stdout, finished.stderr) == (b'hello it\'s "me"\n', b"")


def test_call_does_not_load_the_server() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", "import sys, streamactions.cli; print('granian' in sys.modules)"],
        capture_output=True,
        timeout=BOUND_S,
        check=True,
    )
    assert finished.stdout == b"False\n"


def test_what_a_client_sends_cannot_forge_the_log(folder: Path) -> None:
    (folder / "failing.py").write_text(
        "import logging\n"
        "from streamactions import define_stream_action\n"
        "@define_stream_action\n"
        "async def fail(input, stream):\n"
        '    logging.getLogger("mine").info("input %s", input)\n'
        "    raise ValueError(input)\n"
    )
    with serve(folder / "failing.py", "--access-log", clean_log=False) as served:
        httpx.post(f"{served.url}/x%0a2026%20forged%0d%1b[31m%c2%9b", json=1)
        httpx.post(f"{served.url}/api/_actions/fail", json="\n2026 forged\x1b[31m\u009b")
        served.log.wait_for('"POST /api/_actions/fail HTTP/1.1" 200')
        (line,) = served.log.lines_with('"POST /x')
        assert r'"POST /x\n2026 forged\r\x1b[31m\x9b HTTP/1.1" 404' in line
        for forged in served.log.lines_with("2026 forged"):
            assert not forged.startswith("2026 forged")
        assert not set(served.log.text()) & {"\x1b", "\x9b", "\r"}
