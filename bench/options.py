"""What the benchmark can be asked for."""

import os
from pathlib import Path
from typing import NamedTuple

import click


class Options(NamedTuple):
    """What is measured.

    Attributes:
        rounds: how many turns each contestant takes.
        images: how many each trains on in an epoch.
        peers: the Python of the second environment.
        only: the parts of the benchmark, by name.
    """

    rounds: int
    images: int
    peers: Path
    only: tuple[str, ...]


def in_a_folder(_: click.Context, option: click.Parameter, path: Path) -> Path:
    """Refuse a file in a folder where none can be written; click looks at the file alone."""
    if not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"'{path}' is not in a folder that can be written.", param=option)
    return path
