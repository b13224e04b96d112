"""The precision in which a formula is computed, whatever kind of numbers it is given."""

from collections.abc import Callable
from functools import wraps
from numbers import Real
from typing import Any

from vae_lib.tensorflow_quietly import tf


def in_one_precision(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula take arrays of any kind: NumPy's, TensorFlow's, lists; of any type.

    It is computed in double precision where every array is double, and else in single:
    TensorFlow refuses to add the two. Plain numbers stay what they are.
    """

    @wraps(formula)
    def computed(*values: Any, **named: Any) -> Any:
        arrays = [v for v in (*values, *named.values()) if not isinstance(v, Real)]
        kinds = {tf.convert_to_tensor(array).dtype for array in arrays}
        dtype = tf.float64 if kinds == {tf.float64} else tf.float32

        def cast(value: Any) -> Any:
            return value if isinstance(value, Real) else tf.cast(value, dtype)

        return formula(*map(cast, values), **{name: cast(v) for name, v in named.items()})

    return computed
