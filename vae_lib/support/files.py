"""Files that are written whole or not at all."""

import tempfile
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text: a reader of `path` sees all of it, or what was there before.

    Raises:
        OSError: the folder cannot be written.
    """
    # A folder of one's own beside the target: the same disk, and no other process in it.
    with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
        part = Path(folder, path.name)
        part.write_text(text, "utf-8", newline="\n")
        part.replace(path)
