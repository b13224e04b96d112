"""Archives of arrays, `.npz`, that are verified before they are used."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from vae_lib.support.damage import FAULTS
from vae_lib.support.printing import visible

Arrays = dict[str, NDArray[np.uint8]]
Contents = dict[str, tuple[tuple[int, ...], str]]  # name: shape, SHA-256 of the bytes


class DataError(ValueError):
    """Data cannot be had as asked; says of which file or setting, the fault and the remedy."""

    def __init__(self, sentence: str) -> None:
        super().__init__(visible(sentence))  # a file may have any name


@contextlib.contextmanager
def one_error(origin: str | os.PathLike[str], remedy: str) -> Iterator[None]:
    """Turn whatever bad data raise inside the block into one sentence.

    Raises:
        DataError: names `origin`, what is wrong with it, and `remedy`.
    """
    try:
        yield
    except FAULTS as error:
        raise DataError(f"{os.fspath(origin)}: {_in_words(error)}; {remedy}.") from None


def read_arrays(path: Path, contents: Contents, remedy: str) -> Arrays:
    """Read the arrays that `contents` names, and verify them. The file stays as it is.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    # Opened here, since NumPy leaves a damaged archive open, which then cannot be deleted.
    with one_error(path, remedy), path.open("rb") as file:
        _refuse_other_formats(file)
        with np.load(file, allow_pickle=False) as archive:
            absent = contents.keys() - set(archive.files)
            if absent:
                raise DataError(f"it lacks {', '.join(sorted(absent))}")
            arrays = {name: np.asarray(archive[name]) for name in contents}
        verify(arrays, contents)
        return arrays


def verify(arrays: Arrays, contents: Contents) -> None:
    """Compare arrays of bytes with the shapes and digests that they must have.

    Raises:
        DataError: names the first array that differs.
    """
    for name, (shape, digest) in contents.items():
        array = arrays[name]
        if array.dtype != np.uint8:
            raise DataError(f"{name} is {array.dtype}, not uint8")
        if array.shape != shape:
            raise DataError(f"{name} has shape {array.shape}, not {shape}")
        if hashlib.sha256(array.tobytes()).hexdigest() != digest:
            raise DataError(f"{name} holds other data than MNIST's (wrong SHA-256)")


def _refuse_other_formats(file: BinaryIO) -> None:
    """Say what a file is that is no archive; NumPy would take it for a pickle."""
    start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    if not start:
        raise DataError("the file is empty")
    if start.startswith(b"<"):
        raise DataError("it is a web page that was saved under this name")
    if not start.startswith(b"PK"):
        raise DataError("it is not an .npz archive")


def _in_words(error: Exception) -> str:
    """Say in plain words what a fault of an archive means."""
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be read ({error.strerror})"
    if isinstance(error, ValueError) and "Object arrays" in str(error):
        return "it holds pickled objects, which could run code, not plain arrays"
    return "it is truncated or damaged"
