"""Time what every run pays before its first computation, each in a process of its own.

python -m bench.fresh library
"""

import importlib
import sys
from contextlib import ExitStack

from bench.clock import seconds


def tensorflow() -> float:
    """Import TensorFlow."""
    return seconds(lambda: importlib.import_module("tensorflow"))


def library() -> float:
    """Import `vae_lib.training`, and with it all that training needs."""
    return seconds(lambda: importlib.import_module("vae_lib.training"))


def kernel() -> float:
    """Start a Jupyter kernel and wait until it answers."""
    from jupyter_client.manager import run_kernel

    with ExitStack() as stack:
        return seconds(lambda: stack.enter_context(run_kernel(kernel_name="python3")))


FRESH = {"tensorflow": tensorflow, "library": library, "kernel": kernel}

if __name__ == "__main__":
    print(FRESH[sys.argv[1]]())
