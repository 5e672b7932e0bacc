"""What one connection may take of a worker: Granian's HTTP settings, each with its reason.

Granian leaves most of them to hyper or sets them for trusted peers. What is not named here keeps
Granian's value: ``keep_alive``, ``pipeline_flush``, ``adaptive_window`` and ``max_frame_size`` cost a
worker nothing.
"""

import resource
from typing import Final

from granian.http import HTTP1Settings, HTTP2Settings

__all__ = ["http1_settings", "http2_settings", "max_connections"]

RESERVED_FILES: Final = 64
"""What a worker keeps of its file limit: for itself, some 30, and for looking through its connections."""

HEADER_TIMEOUT_S: Final = 30
"""HTTP/1: how long the next request's head may take, from its first byte or the end of the answer before.
It also ends connections that are kept alive and not used."""

HTTP1_BUFFER_BYTES: Final = 64 * 1024
"""HTTP/1: what is read ahead of a connection, and so the largest head; Granian's own is 408 KiB, which a
stranger could hold on each of very many connections. Apache takes 8 KiB a line, nginx four times that."""

HTTP2_HEAD_BYTES: Final = 32 * 1024
"""HTTP/2: the largest head, as RFC 9113, 10.5.1 counts it (each field has 32 bytes more). A head is as
small on the wire as references to a table can make it, so it is this that bounds memory: at Granian's
16 MiB, 246 kB sent took 1 GB."""

HTTP2_STREAMS: Final = 200
"""HTTP/2: calls that are open at once on a connection; RFC 9113, 5.1.2 recommends no fewer than 100."""

HTTP2_SEND_BUFFER_BYTES: Final = 32 * 1024
"""HTTP/2: what waits in a stream whose reader does not read. At Granian's 400 KiB, 200 streams of one
connection held 80 MB."""

HTTP2_WINDOW_BYTES: Final = 1 << 20
"""HTTP/2: what a peer may send before it is read, on a connection and on each of its streams; as much as
``max_body_bytes``, so that a whole body comes without a round trip."""

HTTP2_PING_INTERVAL_S: Final = 30
"""HTTP/2: how often a peer has to show that it is there; Granian never asks, and a peer that vanished
without a word would stay for ever."""

HTTP2_PING_TIMEOUT_S: Final = 20
"""HTTP/2: how long the peer has to answer before its connection is closed."""


def max_connections(wanted: int) -> int:
    """How many connections a worker may have: what is wanted, or what the limit of open files leaves.

    A worker without a descriptor left can neither accept a connection nor look for idle ones, and tries
    to accept all the time. What cannot be accepted waits in the backlog.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, limit - RESERVED_FILES))


def http1_settings() -> HTTP1Settings:
    """The settings of HTTP/1 connections."""
    return HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_S * 1000, max_buffer_size=HTTP1_BUFFER_BYTES)


def http2_settings() -> HTTP2Settings:
    """The settings of HTTP/2 connections."""
    return HTTP2Settings(
        initial_connection_window_size=HTTP2_WINDOW_BYTES,
        initial_stream_window_size=HTTP2_WINDOW_BYTES,
        keep_alive_interval=HTTP2_PING_INTERVAL_S * 1000,
        keep_alive_timeout=HTTP2_PING_TIMEOUT_S,
        max_concurrent_streams=HTTP2_STREAMS,
        max_headers_size=HTTP2_HEAD_BYTES,
        max_send_buffer_size=HTTP2_SEND_BUFFER_BYTES,
    )
