"""Why a server gave no answer, as far as a look at its port can tell, and what to do then.

A transport knows only how its own attempt failed. Here the port is tried once more, without the input: does
anybody listen, and does whoever listens speak TLS (RFC 8446) or plain HTTP (RFC 9112)?
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

__all__ = ["explain_no_answer"]

MAX_LOOK_S: Final = 3.0
"""How long one look at a port may take: whoever typed a command waits for it."""

_PORTS: Final = {"http": 80, "https": 443}


def explain_no_answer(url: str) -> str | None:
    """What to do, in one line; ``None`` where the port does not tell.

    Args:
        url: the absolute HTTP URL whose server gave no answer.
    """
    return asyncio.run(_explain(url))


async def _explain(url: str) -> str | None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        async with asyncio.timeout(MAX_LOOK_S):
            if parts.scheme == "https" and await _speaks_http(host, port):
                return f"{where} speaks plain HTTP: write http:// instead of https://"
            if parts.scheme == "http" and await _speaks_tls(host, port):
                return f"{where} speaks TLS: write https:// instead of http://"
    except ConnectionRefusedError:
        return (
            f"nothing listens at {where}: start the server there with 'streamactions serve', "
            "or check the port in the URL"
        )
    except (OSError, TimeoutError, UnicodeError):
        # The message of the attempt itself says more.
        return None
    return None


async def _speaks_http(host: str, port: int) -> bool:
    """Whether a plain request for nothing is answered by HTTP."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"OPTIONS * HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n".encode())
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            return await reader.readexactly(5) == b"HTTP/"
        return False
    finally:
        writer.close()


async def _speaks_tls(host: str, port: int) -> bool:
    """Whether there is a TLS handshake to be had; nothing is sent, so nobody need be trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ConnectionRefusedError:
        raise
    except (ssl.SSLError, ConnectionError):
        return False
    writer.transport.abort()
    return True
