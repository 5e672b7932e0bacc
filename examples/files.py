"""Progress over real files: each one is hashed, and a chunk says how far the work is.

Run it with ``streamactions serve examples/files.py``; ``streamactions call`` shows a progress
bar, because the chunks carry ``progress``. Files are read from the folder ``FILES_ROOT``, which
is this one where the variable is not set; nothing outside of it can be named.
"""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, Field

from streamactions import Stream, StreamActions, create_action_error, define_stream_action

PIECE_BYTES: Final = 1 << 20
"""Read and hashed at a time: the handler can be cancelled between two pieces of a large file."""

ROOT: Final = Path(os.environ.get("FILES_ROOT") or Path(__file__).parent).resolve()


class Files(BaseModel):
    """What a client sends: paths relative to the root folder."""

    paths: list[str] = Field(min_length=1, max_length=1000, examples=[["chat.py", "files.py", "secured.py"]])


class Progress(BaseModel):
    """One chunk: a file is done."""

    progress: int = Field(ge=0, le=100, description="Of all files, in percent.")
    current: int
    total: int
    file_name: str = Field(serialization_alias="fileName")
    sha256: str


@define_stream_action(input=Files, output=Progress)
async def process_files(input: Files, stream: Stream) -> None:
    """Hash files one after the other."""
    total = len(input.paths)
    files = [find_file(path, f"paths.{index}") for index, path in enumerate(input.paths)]
    for current, (name, file) in enumerate(zip(input.paths, files, strict=True), start=1):
        await stream.send(
            Progress(
                progress=round(current / total * 100),
                current=current,
                total=total,
                file_name=name,
                sha256=await hash_file(file),
            )
        )


def find_file(path: str, field: str) -> Path:
    """The file of that name in the root folder; links are followed before it is judged.

    Raises:
        ActionError: it is outside of the root folder (403) or is no file there (404).
    """
    try:
        file = (ROOT / path).resolve()
        is_inside, is_file = file.is_relative_to(ROOT), file.is_file()
    except (OSError, ValueError, RuntimeError):
        # A name that is too long or has a NUL, or links in a circle.
        is_inside, is_file = True, False
    if not is_inside:
        message = "Path leaves the root folder"
        raise create_action_error("PATH_FORBIDDEN", message, 403, {field: ["must stay in the root folder"]})
    if not is_file:
        raise create_action_error("FILE_NOT_FOUND", "There is no such file", 404, {field: ["must be a file"]})
    return file


async def hash_file(file: Path) -> str:
    """Its SHA-256, as hexadecimal digits; read and computed in threads, so the event loop stays free."""
    digest = hashlib.sha256()

    def hash_piece(opened: BinaryIO) -> bool:
        piece = opened.read(PIECE_BYTES)
        digest.update(piece)
        return bool(piece)

    with await asyncio.to_thread(file.open, "rb") as opened:
        while await asyncio.to_thread(hash_piece, opened):
            pass
    return digest.hexdigest()


app = StreamActions([process_files])
