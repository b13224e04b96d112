"""The step's matrix products by PyTorch, eagerly."""

from functools import partial
from typing import Any

import numpy as np
import torch

from bench.protocol import Settings, Turn
from bench.roofline import Issue, as_used, measure


def prepare(left: Any, right: Any, left_transposed: bool, right_transposed: bool) -> Issue:
    """Make a function that multiplies."""
    left, right = torch.from_numpy(left), torch.from_numpy(right)
    return partial(torch.matmul, *as_used(left, right, left_transposed, right_transposed))


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Measure in every turn; on a CPU, a product has its result when it returns."""
    measure(turn, settings, prepare, wait=len)
