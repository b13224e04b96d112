"""What a notebook's result depends on besides its cells: library, locked versions, digits."""

import hashlib
import os
from collections.abc import Iterable
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


def library_digest(root: Path = ROOT) -> str:
    """Digest what every result depends on: the library and the locked versions."""
    sources = [p for p in (root / "vae_lib").rglob("*") if p.suffix in SOURCES]
    return files_digest(root, [*sources, root / "uv.lock"])
