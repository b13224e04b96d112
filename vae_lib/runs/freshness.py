"""What a notebook's result depends on besides its cells: library, locked versions, digits."""

import hashlib
import os
import re
from collections.abc import Iterable
from importlib.metadata import distributions, requires
from pathlib import Path
from typing import NamedTuple

from vae_lib.data import VARIABLE, load_mnist

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


def files_digest(root: Path, files: Iterable[Path]) -> str:
    """Digest the names and contents of files below `root`."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def installed_versions() -> list[str]:
    """Say what is installed of the packages that the library is built on, Keras among them."""
    needed = {"keras"} | {_plain(re.split(r"[^\w.-]", s)[0]) for s in requires("vae-lib") or []}
    found = {(_plain(each.name), each.version) for each in distributions()}
    return sorted(f"{name} {version}" for name, version in found if name in needed)


def _plain(name: str) -> str:
    """Write a package's name in the one way that all ways of writing it have in common."""
    return re.sub(r"[-_.]+", "-", name).lower()


def library_digest(root: Path = ROOT) -> str:
    """Digest what every result depends on: the library, the locked and the installed versions."""
    sources = [p for p in (root / "vae_lib").rglob("*") if p.suffix in SOURCES]
    parts = [files_digest(root, [*sources, root / "uv.lock"]), *installed_versions()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
