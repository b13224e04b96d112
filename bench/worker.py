"""One process of the benchmark: one contestant or study, which works only in its turn.

python -m bench.worker bench.contestants.train

Lines of JSON go both ways. The driver sends the settings, then one line for each turn; the
worker answers each with what it measured. When the driver closes the worker's standard
input, the worker says which versions it used and how much memory, and ends.

Needs NumPy only, since it runs in the second environment too.
"""

import importlib
import importlib.metadata
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import numpy as np

from bench.protocol import Settings, Turn

PACKAGES = ("tensorflow", "keras", "numpy", "torch", "jax", "jaxlib")


class Finished(Exception):  # noqa: N818 (the ordinary end, no error)
    """The driver has closed standard input: no further turn will come."""


def private_stdout() -> TextIO:
    """Keep standard output for the driver; what others print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def say(answers: TextIO, message: dict[str, Any]) -> None:
    """Send one message to the driver."""
    print(json.dumps(message), file=answers, flush=True)


def turns(answers: TextIO) -> Turn:
    """Make the context manager that every turn of this process is."""

    @contextmanager
    def turn() -> Iterator[dict[str, Any]]:
        if not sys.stdin.readline():
            raise Finished
        result: dict[str, Any] = {}
        start = time.perf_counter()
        yield result
        say(answers, {"seconds": time.perf_counter() - start, **result})

    return turn


def read_images(settings: Settings) -> np.ndarray:
    """Read the images as float32 in [0, 1], shape `(n, 784)`."""
    images: np.ndarray = np.divide(np.load(settings["file"]), 255, dtype=np.float32)
    return images


def versions() -> dict[str, str]:
    """The versions of those libraries that this environment has."""
    found = {}
    for package in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def peak_memory() -> float:
    """The most memory that this process had, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    """Serve the driver until it closes standard input."""
    answers = private_stdout()
    settings: Settings = json.loads(sys.stdin.readline())
    module = importlib.import_module(sys.argv[1])
    with suppress(Finished):
        module.run(turns(answers), read_images(settings), settings)
    say(answers, {"versions": versions(), "memory_mb": peak_memory()})


if __name__ == "__main__":
    main()
