"""What XLA has compiled, shared by processes that would compile the same again.

TensorFlow keeps compiled graphs in a folder, if it is told to, and finds them there by the graph
alone. It takes one for its own that was made by another version, with other flags, for another
number of threads or on another processor. So a folder serves only what one process starts under
one key, and goes when that process ends. A process that is killed leaves it to the system.

Two processes make the same graphs if they make them in the same order: TensorFlow numbers them.
"""

import atexit
import json
import os
import shutil
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

LIMIT = 1_000_000_000  # bytes in a folder; the graphs of a run of chapter 6 are 3 million
_one_at_a_time = threading.Lock()  # threads that begin a run together get one folder


@cache
def _folder(key: str) -> str:
    folder = tempfile.mkdtemp(prefix="vae-graphs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def shared_graphs(key: str) -> dict[str, str]:
    """Make environment variables for processes that share what they compile.

    There are none where the user has set TF_XLA_FLAGS, and none outside of Linux, where this has
    not been tried. A process that cannot write there fails.

    Args:
        key: what compiled graphs depend on besides the graph: processes share under one key.
    """
    if "TF_XLA_FLAGS" in os.environ or sys.platform != "linux":
        return {}
    with _one_at_a_time:
        folder = _folder(key)
        _prune(Path(folder))
    quoted = json.dumps(folder, ensure_ascii=False)  # it may have a space in it
    # At level 2, where errors still show, TensorFlow has several lines of them, none of which is
    # one, for each graph that it finds.
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2").replace("2", "3")
    return {
        "TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={quoted}",
        "TF_CPP_MIN_LOG_LEVEL": level,
    }


def _prune(folder: Path) -> None:
    """Delete the oldest files, so that the rest is within the limit."""
    size = 0
    for path in sorted(folder.glob("*.pb"), key=lambda p: p.stat().st_mtime, reverse=True):
        size += path.stat().st_size
        if size > LIMIT:
            path.unlink(missing_ok=True)
