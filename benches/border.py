"""The border between Python and Rust as a piece of work: sending into a stream, feeding a decoder.

The stream's connection takes nothing until the stream's buffer is full, and nothing here asks
what time it is, so the same calls do the same work each time, however fast the machine is.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

READ_BYTES: Final = 64 * 1024
NEVER_S: Final = 1e9


def load_core() -> ModuleType:
    """``streamactions._core`` without the package around it, whose imports would be most of a short run."""
    package = find_spec("streamactions")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("streamactions is not installed: run 'python3 benches/install.py'")
    for folder in package.submodule_search_locations:
        for path in Path(folder).glob("_core.*.so"):
            loader = ExtensionFileLoader("streamactions._core", str(path))
            spec = spec_from_file_location("streamactions._core", path, loader=loader)
            if spec is not None:
                core = module_from_spec(spec)
                loader.exec_module(core)
                return core
    raise ModuleNotFoundError("streamactions has no _core: run 'python3 benches/install.py'")


def refuse_debug_build(core: ModuleType) -> None:
    """A debug build is several times slower, so its figures would say nothing."""
    profile = core.build_info()["profile"]
    if profile != "release":
        raise RuntimeError(f"streamactions._core is a {profile} build: install one made with --release")


class _PendingWrite:
    """A write that a slow connection has taken and not finished."""

    def __await__(self) -> Self:
        return self

    def __iter__(self) -> Iterator[None]:
        return self

    def __next__(self) -> None:
        return None


class NullConnection:
    """The event loop and the connection of a stream, without either."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self._pending = _PendingWrite()

    def send(self, message: dict[str, Any]) -> _PendingWrite:
        self.written.append(message["body"])
        return self._pending


def make_stream(core: ModuleType, encode: Callable[[Any], bytes], connection: NullConnection) -> Any:
    """A stream of that connection, whose chunks ``encode`` turns into JSON."""
    settings = core.StreamSettings(
        encode=encode,
        encode_any=encode,
        chunk_event=None,
        done_frame=core.encode_event("{}", event="done"),
        keep_alive_s=NEVER_S,
        outlives_client=False,
    )
    return core.StreamCore(settings, connection.send, core.PulseCore(connection, NEVER_S, NEVER_S))


def send(core: ModuleType, encode: Callable[[Any], bytes], chunk: Any, count: int) -> list[bytes]:
    """Send a chunk ``count`` times; returns what the connection was given."""
    connection = NullConnection()
    stream = make_stream(core, encode, connection)
    # The first chunk's write stays in flight, so that the others are gathered behind it.
    wait = type(stream.send(chunk))
    for _ in range(count - 1):
        if type(stream.send(chunk)) is wait:
            # The buffer is full: the write in flight ends, and the next one begins.
            stream._written()
    stream.close()
    while not connection.written[-1].endswith(b"event: done\ndata: {}\n\n"):
        stream._written()
    return connection.written


def feed(core: ModuleType, pieces: Sequence[bytes]) -> int:
    """Feed a decoder; returns how many events came out."""
    decoder = core.SSEDecoder()
    return sum(len(decoder.feed(piece)) for piece in pieces)


def iterate(core: ModuleType, pieces: Sequence[bytes]) -> int:
    """Decode the pieces in one loop; returns how many events came out."""
    return sum(1 for _ in core.SSEDecoder().iter_events(pieces))


class _Reads:
    """The body of a response whose bytes are there as soon as they are asked for."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = iter(pieces)

    def __call__(self) -> Self:
        return self

    def __await__(self) -> Self:
        return self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> None:
        raise StopIteration(next(self._pieces, b""))


def read(core: ModuleType, pieces: Sequence[bytes]) -> int:
    """Read a response with ``async for``; returns how many events came out."""

    def fail(why: str, cause: Exception) -> Exception:
        return cause

    reader = core.EventReader(
        _Reads(pieces),
        max_event_bytes=READ_BYTES,
        end=None,
        end_event=None,
        on_start=lambda: None,
        read_tail=_Reads(()),
        make_fault=fail,
    )

    async def count() -> int:
        events = 0
        async for _ in reader.events():
            events += 1
        return events

    counting = count()
    try:
        while True:
            # Nothing waits here, but every few milliseconds a loop would turn.
            counting.send(None)
    except StopIteration as end:
        events: int = end.value
        return events


def cut(body: bytes, piece_bytes: int) -> list[bytes]:
    """A body as it arrives."""
    return [body[start : start + piece_bytes] for start in range(0, len(body), piece_bytes)]
