"""Files that are written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

PART = ".part-"  # how the folder of a file begins that is being written


def folder_of(name: str, given: Any) -> Path:
    """Take an argument as the path of a folder, in which ~ is the reader's home.

    Raises:
        ValueError: it is none.
    """
    if isinstance(given, str | os.PathLike) and os.fspath(given) and "\0" not in str(given):
        return Path(os.path.expanduser(given))  # noqa: PTH111 (pathlib's raises for "~nobody")
    raise ValueError(f"{name} was {given!r}; it may be the path of a folder, new or old")


@contextmanager
def naming(place: object) -> Iterator[None]:
    """Let an error of the disk name the place that a reader knows: a full disk names none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and PART in str(error.filename or PART):
            error.filename = str(place)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give another path to write to; at the end of the block `path` holds what was written there.

    Raises:
        OSError: the folder cannot be written; what was at `path` before is there.
    """
    # A folder of one's own beside the target: the same disk, and no other process in it.
    with naming(path), tempfile.TemporaryDirectory(prefix=PART, dir=path.parent) as folder:
        part = Path(folder, path.name)
        yield part
        part.replace(path)


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file: a reader of `path` sees all of it, or what was there before.

    Args:
        path: of the file.
        write: writes it to an open one.

    Raises:
        OSError: the folder cannot be written.
    """
    with replacing(path) as part, part.open("wb") as file:
        write(file)


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
