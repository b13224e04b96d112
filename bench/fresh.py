"""Time what every run pays before its first computation, each in a process of its own.

python -m bench.fresh library
"""

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    """Time one call; return its result too."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def tensorflow() -> float:
    """Import TensorFlow."""
    return seconds(lambda: importlib.import_module("tensorflow"))[0]


def library() -> float:
    """Import `vae_lib.training`, and with it all that training needs."""
    return seconds(lambda: importlib.import_module("vae_lib.training"))[0]


def kernel() -> float:
    """Start a Jupyter kernel and wait until it answers."""
    from jupyter_client.manager import start_new_kernel

    duration, (manager, client) = seconds(lambda: start_new_kernel(kernel_name="python3"))
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return duration


FRESH = {"tensorflow": tensorflow, "library": library, "kernel": kernel}

if __name__ == "__main__":
    print(FRESH[sys.argv[1]]())
