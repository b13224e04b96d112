"""Files that are written whole or not at all."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

PART = ".part-"  # how the folder of a file begins that is being written


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file: a reader of `path` sees all of it, or what was there before.

    Args:
        path: of the file.
        write: writes it to an open one.

    Raises:
        OSError: the folder cannot be written.
    """
    # A folder of one's own beside the target: the same disk, and no other process in it.
    with tempfile.TemporaryDirectory(prefix=PART, dir=path.parent) as folder:
        part = Path(folder, path.name)
        with part.open("wb") as file:
            write(file)
        part.replace(path)


def clear_parts(folder: Path) -> None:
    """Delete what a kill has left of files half written, in a folder that is ours alone."""
    for part in folder.glob(f"{PART}*"):
        shutil.rmtree(part)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, as `write_whole` does.

    Raises:
        OSError: the folder cannot be written.
    """

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_whole(path, write)


def write_text(path: Path, text: str) -> None:
    """Write a text, as `write_whole` does.

    Raises:
        OSError: the folder cannot be written.
    """
    write_bytes(path, text.encode())
