"""Behind nginx, a chunk reaches the client before the next one is sent: by a handshake, not by a clock.

The handler sends a chunk and then waits until this test, having read that chunk, confirms it by a call
of its own. A proxy that gathers chunks would leave both waiting.
"""

import re
import socket
import ssl
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nginx.backend import CHUNKS
from nginx.proxy import check_configuration, run_nginx
from server.http1 import ResponseReader, request_bytes
from server.processes import GRANIAN, free_port, run_server
from server.raw_client import BOUND_S, EVENT_STREAM, RawClient
from server.served import DONE, chunk_frame

README = Path(__file__).resolve().parents[2] / "README.md"

DEFAULTS = """
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{backend};
        }}
    }}
"""
"""Nothing but where to: by itself, nginx gathers what an app sends, and speaks HTTP/1.0 to it."""


@pytest.fixture(scope="module")
def backend() -> Iterator[int]:
    """The port of the server of ``backend.py``."""
    with run_server(GRANIAN, "nginx.backend:app") as (port, _):
        yield port


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for ``localhost`` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain_file, key_file = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain_file, key_file


def receive(connection: socket.socket) -> bytes:
    """The next bytes of a response that is not over."""
    data = connection.recv(65536)
    assert data, "the connection was closed"
    return data


def confirm(backend: int, name: bytes) -> None:
    """Tell the handler that its latest chunk has come; not by way of nginx."""
    with RawClient(backend) as client:
        client.request("/api/_actions/confirm", body=b'{"name":"%b"}' % name)
        assert client.read_body() == DONE


def read_hand_in_hand(connection: socket.socket, backend: int) -> ResponseReader:
    """Call the handshake and confirm each chunk when it has come; then the end must come."""
    name = uuid.uuid4().hex.encode()
    body = b'{"name":"%b"}' % name
    connection.sendall(request_bytes("/api/_actions/handshake", body, headers={"accept": EVENT_STREAM}))
    response, received = ResponseReader(), b""
    for number in range(CHUNKS):
        while not received.endswith(chunk_frame(number)):
            received += response.feed(receive(connection))
        confirm(backend, name)
    while not response.is_complete:
        received += response.feed(receive(connection))
    assert received == b"".join(chunk_frame(number) for number in range(CHUNKS)) + DONE
    return response


def test_each_chunk_passes_at_once_with_default_settings(backend: int, tmp_path: Path) -> None:
    port = free_port()
    with (
        run_nginx(tmp_path, DEFAULTS.format(port=port, backend=backend)),
        socket.create_connection(("127.0.0.1", port), BOUND_S) as connection,
    ):
        response = read_hand_in_hand(connection, backend)
        assert response.status == 200
        assert response.header("content-type") == "text/event-stream"
        assert (response.header("server") or "").startswith("nginx")


def test_the_configuration_of_the_readme(
    backend: int, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    (block,) = re.findall(r"^```nginx\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    port = free_port()
    # Its addresses and files are examples; here they are those of this test.
    http = block.replace("127.0.0.1:8000", f"127.0.0.1:{backend}")
    http = re.sub(r"listen 443 ssl", f"listen 127.0.0.1:{port} ssl", http)
    http = re.sub(r"^\s*ssl_certificate(_key)? .*;\n", "", http, flags=re.M)
    chain_file, key_file = certificate
    http = f"ssl_certificate {chain_file};\nssl_certificate_key {key_file};\n{http}"
    assert str(port) in http
    assert str(backend) in http
    checked = check_configuration(tmp_path, http)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    with (
        run_nginx(tmp_path, http),
        socket.create_connection(("127.0.0.1", port), BOUND_S) as plain,
        ssl.create_default_context(cafile=str(chain_file)).wrap_socket(
            plain, server_hostname="localhost"
        ) as connection,
    ):
        read_hand_in_hand(connection, backend)
