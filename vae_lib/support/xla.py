"""XLA, the compiler that TensorFlow brings, and a sentence where it brings none."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from vae_lib.tensorflow_quietly import tf


@cache
def has_xla() -> bool:
    """Whether this TensorFlow can compile with XLA; warns, once, where it cannot."""
    try:
        tf.function(lambda: tf.constant(1.0) + 1.0, jit_compile=True)()
    except tf.errors.OpError:
        warnings.warn(
            "this TensorFlow has no XLA compiler: training works, but takes several times as "
            "long, and draws other random numbers than the book",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function of tensors: by XLA, or without it to a graph of TensorFlow's kernels."""
    return tf.function(function, jit_compile=has_xla())


# Of XLA's generators threefry is the fastest on a CPU. TensorFlow's own kernels lack it.
GENERATOR = "threefry" if has_xla() else "auto_select"
