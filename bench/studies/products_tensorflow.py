"""The step's matrix products by TensorFlow, eagerly."""

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from bench.protocol import Settings, Turn
from bench.roofline import Issue, measure


def prepare(left: Any, right: Any, left_transposed: bool, right_transposed: bool) -> Issue:
    """Make a function that multiplies."""
    factors = tf.constant(left), tf.constant(right)
    return partial(tf.matmul, *factors, left_transposed, right_transposed)


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Measure in every turn; on a CPU, an eager product has its result when it returns."""
    measure(turn, settings, prepare, wait=len)
