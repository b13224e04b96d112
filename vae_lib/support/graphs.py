"""What XLA has compiled, shared by processes that would compile the same again.

TensorFlow keeps compiled graphs in a folder, if it is told to, and finds them there by the graph
alone. It takes one for its own that was made by another version, with other flags or on another
processor. So a folder serves only what one process starts, and goes when that process ends.

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

_one_at_a_time = threading.Lock()  # threads that begin a run together get one folder


@cache
def _folder() -> str:
    folder = tempfile.mkdtemp(prefix="vae-graphs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def shared_graphs() -> dict[str, str]:
    """Make environment variables for processes that share what they compile.

    There are none where the user has set TF_XLA_FLAGS, and none outside of Linux, where this has
    not been tried.
    """
    if "TF_XLA_FLAGS" in os.environ or sys.platform != "linux":
        return {}
    with _one_at_a_time:
        folder = json.dumps(_folder(), ensure_ascii=False)  # in quotes: it may have a space in it
    # At level 2, where errors still show, TensorFlow has several lines of them, none of which is
    # one, for each graph that it finds.
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2").replace("2", "3")
    return {
        "TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={folder}",
        "TF_CPP_MIN_LOG_LEVEL": level,
    }
