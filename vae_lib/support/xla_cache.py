"""What XLA has compiled, kept on the disk for processes that would compile the same again.

TensorFlow finds a compiled graph there by the graph alone. It takes one for its own that was made
with another version, other flags or on another processor, and ends with an error where a file is
damaged. So a folder serves either the processes of one parent, or those whose files are sealed
here, together with all that they depend on.

Two processes find the same graphs when they make the same ones in the same order: TensorFlow
numbers them.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vae_lib.support.files import write_text

LIMIT = 200_000_000  # bytes: TODO
PROCESSOR = Path("/proc/cpuinfo")
SETTINGS = Path(__file__).parents[1] / "tensorflow_quietly.py"


def shared_graphs(folder: Path) -> dict[str, str]:
    """Make environment variables for processes that share in `folder` what XLA compiles.

    There are none where a user has set TF_XLA_FLAGS, nor where this has not been tried: outside
    of Linux. What is compiled for a GPU is not shared.
    """
    if "TF_XLA_FLAGS" in os.environ or sys.platform != "linux":
        return {}
    name = json.dumps(str(folder), ensure_ascii=False)  # quoted: it may have a space in it
    flags = f"--tf_xla_persistent_cache_directory={name}"
    flags += " --tf_xla_persistent_cache_device_types=XLA_CPU_JIT"
    # At level 2, which is ours, each graph that is found would have lines of its own.
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2").replace("2", "3")
    return {"TF_XLA_FLAGS": flags, "TF_CPP_MIN_LOG_LEVEL": level}


@contextmanager
def kept_graphs(folder: Path) -> Iterator[dict[str, str]]:
    """Do what `shared_graphs` does, and keep `folder` for the next time, whole and small.

    Files that are damaged, or were made in other circumstances, are gone when the block begins;
    the oldest, where they are too many, when it ends.
    """
    variables, seal = shared_graphs(folder), folder.with_suffix(".json")
    if not variables:
        yield variables
        return
    whole: dict[str, str] = {}
    with suppress(OSError, ValueError):  # none yet, or damaged itself
        whole = json.loads(seal.read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    for path, digest in _digests(folder.iterdir()):
        if whole.get(path.name) != digest:
            path.unlink()
    try:
        yield variables
    finally:
        _prune(folder)
        digests = {path.name: digest for path, digest in _digests(folder.glob("*.pb"))}
        write_text(seal, json.dumps(digests))


def _digests(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Digest files, and what they depend on besides the graphs in them."""
    circumstances = json.dumps(_circumstances()).encode()
    for path in paths:
        yield path, hashlib.sha256(circumstances + path.read_bytes()).hexdigest()


def _circumstances() -> list[Any]:
    lines = PROCESSOR.read_text("utf-8").splitlines()
    processor = sorted({line for line in lines if line.startswith(("CPU", "Feat", "flags", "model"))})
    flags = sorted((k, v) for k, v in os.environ.items() if k.startswith(("OMP_", "TF_", "XLA_")))
    ours = SETTINGS.read_text("utf-8")
    return [version("tensorflow"), processor, os.cpu_count(), flags, ours]


def _prune(folder: Path) -> None:
    """Delete the oldest files, so that the rest is within the limit."""
    size = 0
    for path in sorted(folder.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True):
        size += path.stat().st_size
        if size > LIMIT:
            path.unlink()
