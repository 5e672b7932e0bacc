"""A real HTTP/2 server over TLS that does to each stream what a script tells it to do."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, PingReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

Script = Callable[["Http2Connection", int], Awaitable[None]]
"""Called with the connection and the number of each stream whose request has ended."""


class Http2Connection:
    """The server's end of one connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        script: Script,
        settings: dict[SettingCodes, int],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._script = script
        self._resets: dict[int, asyncio.Event] = {}
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        # A client that passes one of them by loses its connection.
        self._h2.local_settings = Settings(client=False, initial_values=settings)
        self._pings = asyncio.Semaphore(0)
        self.streams = 0
        self.bodies: dict[int, bytes] = {}

    def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())

    async def run(self, scripts: asyncio.TaskGroup) -> None:
        self._h2.initiate_connection()
        self._flush()
        with suppress(ConnectionError, ssl.SSLError, ProtocolError):
            while data := await self._reader.read(65_536):
                for event in self._h2.receive_data(data):
                    if isinstance(event, DataReceived):
                        self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                    elif isinstance(event, PingReceived):
                        self._pings.release()
                    elif isinstance(event, StreamEnded):
                        self.streams += 1
                        scripts.create_task(self._serve(event.stream_id))
                    elif isinstance(event, StreamReset):
                        self._resets.setdefault(event.stream_id, asyncio.Event()).set()
                self._flush()
        # What the client did wrong, if anything.
        self._flush()
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()

    async def _serve(self, number: int) -> None:
        await self._script(self, number)

    def allow(self, max_streams: int) -> None:
        """Take another number of streams from now on."""
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: max_streams})
        self._flush()

    def send_head(self, number: int, *fields: tuple[str, str]) -> None:
        head = [(":status", "200"), ("content-type", "text/event-stream"), *fields]
        self._h2.send_headers(number, head)
        self._flush()

    def send_data(self, number: int, data: bytes, *, is_last: bool = False) -> None:
        self._h2.send_data(number, data, end_stream=is_last)
        self._flush()

    def reset(self, number: int, code: ErrorCodes) -> None:
        self._h2.reset_stream(number, code)
        self._flush()

    def go_away(self, last_stream: int) -> None:
        """Say that no stream after this one was begun with (RFC 9113, section 6.8), and stay."""
        frame = b"\0\0\x08\x07\0\0\0\0\0" + last_stream.to_bytes(4) + int(ErrorCodes.NO_ERROR).to_bytes(4)
        self._writer.write(frame)

    def close(self) -> None:
        self._writer.close()

    async def wait_pings(self, count: int) -> None:
        """Wait until the client has sent so many more pings, each of which is answered."""
        for _ in range(count):
            await self._pings.acquire()

    async def wait_reset(self, number: int) -> None:
        """Wait until the client has given the stream up."""
        await self._resets.setdefault(number, asyncio.Event()).wait()


@asynccontextmanager
async def http2_server(
    script: Script,
    context: ssl.SSLContext,
    *,
    max_streams: int | None = None,
) -> AsyncIterator[tuple[str, list[Http2Connection]]]:
    """Yields the server's URL and its connections so far; leaving waits for the scripts.

    Args:
        max_streams: how many streams a connection takes at once; ``None`` says nothing of it.
    """
    settings = {} if max_streams is None else {SettingCodes.MAX_CONCURRENT_STREAMS: max_streams}
    connections: list[Http2Connection] = []

    async with asyncio.TaskGroup() as scripts:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = Http2Connection(reader, writer, script, settings)
            connections.append(connection)
            await connection.run(scripts)

        server = await asyncio.start_server(
            lambda reader, writer: scripts.create_task(serve(reader, writer)) and None,
            "127.0.0.1",
            0,
            ssl=context,
        )
        async with server:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections


def make_certificates(folder: Path) -> ssl.SSLContext:
    """A server's context for 127.0.0.1; ``folder/root.pem`` is the root that vouches for it."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("root", root_key.public_key(), "root", root_key, is_root=True)
    leaf = _certificate("127.0.0.1", key.public_key(), "root", root_key, is_root=False)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(secret + leaf.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.set_alpn_protocols(["h2"])
    return context


def _certificate(subject: str, key: Any, issuer: str, issuer_key: Any, *, is_root: bool) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
    )
    if not is_root:
        address = x509.IPAddress(ipaddress.ip_address(subject))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
