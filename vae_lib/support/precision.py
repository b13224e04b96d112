"""The precision in which a formula is computed, whatever kind of numbers it is given."""

from collections.abc import Callable
from functools import wraps
from numbers import Real
from typing import Any

from vae_lib.tensorflow_quietly import tf


def in_one_precision(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula take arrays of any kind: NumPy's, TensorFlow's, lists; whole numbers, halves.

    It is computed in double precision where every array is double, and else in single:
    TensorFlow refuses to add the two. Plain numbers stay what they are.
    """

    @wraps(formula)
    def computed(*arrays: Any, **named: Any) -> Any:
        given = [*arrays, *named.values()]
        kinds = {tf.convert_to_tensor(array).dtype for array in given if not _is_plain(array)}
        dtype = tf.float64 if kinds == {tf.float64} else tf.float32
        cast = [array if _is_plain(array) else tf.cast(array, dtype) for array in given]
        return formula(*cast[: len(arrays)], **dict(zip(named, cast[len(arrays) :], strict=True)))

    return computed


def _is_plain(value: Any) -> bool:
    return isinstance(value, Real)
