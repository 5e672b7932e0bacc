"""One HTTP/1.1 response, read from bytes however they are cut (RFC 9112), so that tests see what was sent.

Sans-IO: blocking and asyncio clients feed it alike.
"""

from dataclasses import dataclass, field

__all__ = ["ResponseReader", "request_bytes"]


def request_bytes(
    path: str,
    body: bytes | None = b"{}",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> bytes:
    """A whole request; ``body=None`` sends neither a body nor its length."""
    fields = {"host": "test"}
    if body is not None:
        fields |= {"content-type": "application/json", "content-length": str(len(body))}
    fields |= headers or {}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


@dataclass
class ResponseReader:
    """A state machine: the head, then the body by its framing, then nothing more."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    is_complete: bool = False
    _buffer: bytes = b""
    _has_head: bool = False
    # Bytes that are left of the body, or of the current piece of a chunked one.
    _left: int = 0
    _is_chunked: bool = False
    _is_last_piece: bool = False

    @property
    def has_head(self) -> bool:
        return self._has_head

    def header(self, name: str) -> str | None:
        """The only header of that name; two of them are an error."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the connection and return those of the body."""
        self._buffer += data
        if not self._has_head:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return b""
            self._buffer = rest
            self._read_head(head)
        return self._read_pieces() if self._is_chunked else self._read_length()

    def _read_head(self, head: bytes) -> None:
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = status_line.split(" ")
        assert version == "HTTP/1.1"
        self.status = int(status)
        self.headers = [(name.lower(), value.strip()) for name, _, value in (x.partition(":") for x in lines)]
        self._has_head = True
        self._is_chunked = self.header("transfer-encoding") == "chunked"
        if not self._is_chunked:
            self._left = int(self.header("content-length") or "0")
            self.is_complete = self._left == 0

    def _read_length(self) -> bytes:
        body, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(body)
        self.is_complete = self._left == 0
        return body

    def _read_pieces(self) -> bytes:
        body = b""
        while not self.is_complete:
            if self._left == 0:
                size, separator, rest = self._buffer.partition(b"\r\n")
                if not separator:
                    break
                # The line end behind the piece belongs to it.
                self._left = int(size, 16) + 2
                self._is_last_piece = self._left == 2
                self._buffer = rest
            taken, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
            if not taken:
                break
            body += taken[: max(0, self._left - 2)]
            self._left -= len(taken)
            self.is_complete = self._is_last_piece and self._left == 0
        return body
