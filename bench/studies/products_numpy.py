"""The step's matrix products by NumPy."""

from functools import partial
from typing import Any

import numpy as np

from bench.protocol import Settings, Turn
from bench.roofline import Issue, measure


def prepare(left: Any, right: Any, left_transposed: bool, right_transposed: bool) -> Issue:
    """Make a function that multiplies; a transposed factor is a view."""
    return partial(
        np.matmul,
        left.T if left_transposed else left,
        right.T if right_transposed else right,
    )


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Measure in every turn."""
    measure(turn, settings, prepare, wait=len)
