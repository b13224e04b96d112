"""The step's matrix products by NumPy."""

from functools import partial
from typing import Any

import numpy as np

from bench.protocol import Settings, Turn
from bench.roofline import Issue, as_used, measure


def prepare(left: Any, right: Any, left_transposed: bool, right_transposed: bool) -> Issue:
    """Make a function that multiplies."""
    return partial(np.matmul, *as_used(left, right, left_transposed, right_transposed))


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Measure in every turn."""
    measure(turn, settings, prepare, wait=len)
