"""The command line of the benchmark: bad values are refused in one sentence before any work."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from bench.driver import HERE
from bench.entrants import NAMES, PEERS
from vae_lib.support.parser import Parser


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers within bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            allowed = f"it may be a whole number from {low:,} to {high:,}"
            raise argparse.ArgumentTypeError(f"{text!r} was given; {allowed}")
        return int(text)

    return read


def part(text: str) -> str:
    """Read the name of a part of the benchmark."""
    if text not in NAMES:
        allowed = f"it may be one of {', '.join(NAMES)}"
        raise argparse.ArgumentTypeError(f"{text!r} was given; {allowed}")
    return text


def new_file(text: str) -> Path:
    """Read the name of a file that can be written."""
    path = Path(text)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        allowed = "it may be a file in an existing folder that can be written"
        raise argparse.ArgumentTypeError(f"{text!r} was given; {allowed}")
    return path


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(description="Measure the speed of training beside other libraries'.")
    add = parser.add_argument
    add("--rounds", type=whole_number(1, 100), default=7, help="turns of each (default 7)")
    add("--images", type=whole_number(64, 600_000), default=60_000, help="default 60000")
    add("--out", type=new_file, default=HERE / "results.json", help="default bench/results.json")
    add("--peers", type=Path, default=PEERS, help="a Python with torch and jax", metavar="PYTHON")
    add("--only", type=part, nargs="+", default=NAMES, metavar="NAME", help=", ".join(NAMES))
    options = parser.parse_args(arguments)
    options.peers = options.peers.absolute()  # not resolved: an environment's Python is a link
    return options
