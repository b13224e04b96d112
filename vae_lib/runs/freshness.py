"""What a notebook's result depends on besides its cells: library, locked versions, data."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from vae_lib.data import VARIABLE, load_images, load_mnist
from vae_lib.data.pictures import SUFFIXES

SOURCES = {".css", ".js", ".mplstyle", ".py"}
ROOT = Path(__file__).resolve().parents[2]  # of the clone that the library is installed from


class FoundDigits(NamedTuple):
    """Digits that were looked for once, so that many runs need not each try the network.

    Attributes:
        label: what they are.
        setting: the source that leads to them again: a name, or a file's full path.
        about: a sentence or two for whoever waits.
    """

    label: str
    setting: str
    about: str


def find_digits(source: str = "auto") -> FoundDigits:
    """Load digits as `load_mnist` does, and say where they were.

    Raises:
        DataError: the source does not exist, or holds something else.
    """
    digits = load_mnist(source)
    setting = digits.source
    if setting == "file":
        named = os.environ[VARIABLE] if source == "auto" else source
        setting = os.path.abspath(Path(named).expanduser())  # noqa: PTH100 (keep symlinks)
    return FoundDigits(f"{digits.source} {digits.name}", setting, str(digits))


class FoundImages(NamedTuple):
    """Images of any kind that were looked for once.

    Attributes:
        label: what they are, and in which state.
        setting: the source that leads to them again.
    """

    label: str
    setting: str


def find_images(source: str, size: int = 0, color: str = "auto") -> FoundImages:
    """Read a user's images, and say in which state their files are.

    What is wrong with one of them is said here, before any run; a run finds them in the cache.

    Args:
        source: "shapes", "digits", or the full path of a folder, `.npz` or `.npy`.
        size: pixels of a side to which pictures are scaled; 0 for as they are.
        color: "auto", "gray" or "color".

    Raises:
        DataError: the source does not exist, or holds something else.
    """
    if source == "shapes":
        return FoundImages(source, source)
    if source == "digits":
        return FoundImages(find_digits().label, source)
    kinds = {"auto": None, "gray": False, "color": True}
    load_images(source, size=size or None, color=kinds[color])
    return FoundImages(files_state(Path(source)), source)


def files_state(path: Path) -> str:
    """Digest name, size and time of change of a file, or of every picture below a folder.

    As where they are read, hidden files are passed over, and links followed, each folder once.
    """
    digest = hashlib.sha256()
    for file in sorted(_files_below(path)):
        digest.update(os.fsencode(f"{file.relative_to(path)}\0"))
        with suppress(OSError):  # a link to nowhere
            state = file.stat()
            digest.update(f"{state.st_size} {state.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _files_below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
    seen = set()
    for folder, below, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        below[:] = sorted(name for name in below if not name.startswith(".") and real not in seen)
        if real not in seen:
            shown = (Path(folder, name) for name in files if not name.startswith("."))
            yield from (path for path in shown if path.suffix.lower() in SUFFIXES)
        seen.add(real)


def files_digest(root: Path, files: Iterable[Path]) -> str:
    """Digest the names and contents of files below `root`."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def installed_versions() -> list[str]:
    """Say what is installed of the packages that the library is built on, Keras among them."""
    needed = {"keras"} | {re.split(r"[^\w.-]", s)[0].lower() for s in requires("vae-lib") or []}
    found = []
    for name in sorted(needed):
        with suppress(PackageNotFoundError):  # what only another system needs
            found.append(f"{name} {version(name)}")
    return found


def library_digest(root: Path = ROOT) -> str:
    """Digest what every result depends on: the library, the locked and the installed versions."""
    sources = [p for p in (root / "vae_lib").rglob("*") if p.suffix in SOURCES]
    parts = [files_digest(root, [*sources, root / "uv.lock"]), *installed_versions()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
