"""Who takes part, under which names, and what is left out where something is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench import ROOT

PEERS = ROOT / ".venv-peers/bin/python"  # `make peers` makes it


class Entrant(NamedTuple):
    """A worker that takes turns with the others.

    Attributes:
        title: what tables call it.
        module: what the worker runs.
        package: what it needs from the second environment; empty if it needs none.
        compiler: whether it needs a C++ compiler.
    """

    title: str
    module: str
    package: str = ""
    compiler: bool = False


CONTESTANTS = {
    "train": Entrant("train, of this book", "bench.contestants.train"),
    "keras": Entrant("Keras fit", "bench.contestants.keras_fit"),
    "tutorial": Entrant("TensorFlow tutorial", "bench.contestants.tf_tutorial"),
    "tf1": Entrant("TF1 session", "bench.contestants.tf1_loop"),
    "torch": Entrant("PyTorch, eager", "bench.contestants.torch_eager", "torch"),
    "torch_compiled": Entrant(
        "PyTorch, compiled", "bench.contestants.torch_compiled", "torch", True
    ),
    "jax": Entrant("JAX", "bench.contestants.jax_scan", "jax"),
}
PRODUCTS = {
    "numpy": Entrant("NumPy", "bench.studies.products_numpy"),
    "tensorflow": Entrant("TensorFlow, eager", "bench.studies.products_tensorflow"),
    "torch": Entrant("PyTorch, eager", "bench.studies.products_torch", "torch"),
    "jax": Entrant("XLA, by JAX", "bench.studies.products_jax", "jax"),
}
CONVOLUTIONS = {
    "train": Entrant("train, of this book", "bench.studies.convolutions_train"),
    "keras": Entrant("Keras fit, same VAE", "bench.studies.convolutions_fit"),
    "torch": Entrant("PyTorch, eager", "bench.studies.convolutions_torch", "torch"),
}
STUDIES = ("products", "convolutions", "variants", "growth", "calls", "startup")
NAMES = (*CONTESTANTS, *STUDIES)


def present(entrants: dict[str, Entrant], peers: Path) -> tuple[dict[str, Entrant], list[str]]:
    """Part the entrants into those that can run, and a sentence for each that cannot."""
    faults = {name: fault(each, peers) for name, each in entrants.items()}
    able = {name: each for name, each in entrants.items() if not faults[name]}
    return able, [f"{entrants[name].title}: {why}" for name, why in faults.items() if why]


def interpreter(entrant: Entrant, peers: Path) -> Path:
    """The Python that an entrant runs in."""
    return peers if entrant.package else Path(sys.executable)


def fault(entrant: Entrant, peers: Path) -> str:
    """Say why an entrant cannot run; nothing if it can."""
    if entrant.package and not os.access(peers, os.X_OK):
        return f"left out, since there is no {shown(peers)}; `make peers` installs it."
    if entrant.package and not has(peers, entrant.package):
        return f"left out, since {shown(peers)} lacks {entrant.package}; `make peers` installs it."
    if entrant.compiler and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        return "left out, since there is no C++ compiler; install g++ or clang++."
    return ""


def has(python: Path, package: str) -> bool:
    """Whether an environment has a package."""
    code = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({package!r}))"
    done = subprocess.run([python, "-c", code], check=False, capture_output=True)  # noqa: S603
    return done.returncode == 0


def shown(path: Path) -> Path:
    """A path as the reader knows it: from the repository's root where it lies there."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
