"""The step's matrix products by JAX: each compiled by XLA, by itself."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.protocol import Settings, Turn
from bench.roofline import Issue, as_used, measure


def prepare(left: Any, right: Any, left_transposed: bool, right_transposed: bool) -> Issue:
    """Make a compiled function that multiplies."""

    @jax.jit
    def multiply(left: jax.Array, right: jax.Array) -> jax.Array:
        return jnp.matmul(*as_used(left, right, left_transposed, right_transposed))

    return partial(multiply, jax.device_put(left), jax.device_put(right))


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Measure in every turn."""
    measure(turn, settings, prepare, wait=jax.block_until_ready)
