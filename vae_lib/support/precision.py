"""The precision in which a formula is computed, whatever kind of numbers it is given."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import reduce, wraps
from itertools import combinations
from numbers import Real
from typing import Any

import numpy as np

from vae_lib.support.numbers import SINGLE, array, shown, single
from vae_lib.tensorflow_quietly import keras, tf


def in_one_precision(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula take arrays of any kind: NumPy's, TensorFlow's, lists; of any type.

    It is computed in double precision where every array is double, and else in single:
    TensorFlow refuses to add the two. A plain number for an argument that has a default stays what
    it is. What is no real numbers, and shapes that do not fit, are refused by the arguments' names.
    """
    return _checked(formula, doubles=True)


def in_single_precision(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Do the same for a formula that draws, which is computed in single precision always."""
    return _checked(formula, doubles=False)


def _checked(formula: Callable[..., Any], doubles: bool) -> Callable[..., Any]:
    """Let a formula take arrays of any kind, and `self` and `seed` as they are."""
    signature = inspect.signature(formula)
    optional = {n for n, each in signature.parameters.items() if each.default is not each.empty}

    @wraps(formula)
    def computed(*values: Any, **named: Any) -> Any:
        given = signature.bind(*values, **named).arguments
        others = {name: given.pop(name) for name in ("self", "seed") if name in given}
        numbers = {name: as_numbers(name, value) for name, value in given.items()}
        arrays = {name: value for name, value in numbers.items() if not isinstance(value, Real)}
        kinds = {each.dtype for each in arrays.values()}
        dtype = tf.float64 if doubles and kinds == {tf.float64} else tf.float32
        tensors = {
            name: value if name in optional and name not in arrays else tf.cast(value, dtype)
            for name, value in numbers.items()
        }
        refuse_shapes(**{name: each for name, each in tensors.items() if tf.is_tensor(each)})
        return formula(**others, **tensors)

    return computed


def as_numbers(name: str, given: Any) -> Any:
    """Return a plain number as it is, and all else as a tensor of numbers.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(given, Real) and not isinstance(given, np.generic):
        size: Any = abs(given)
        if SINGLE < size < np.inf:
            raise ValueError(f"{name} was {shown(given)}; it may be up to {SINGLE:.3g}")
        return float(given)
    if isinstance(given, tf.Tensor | tf.Variable | keras.Variable):
        tensor = tf.convert_to_tensor(given)
        if tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool:
            return tensor
    numbers = array(name, given)
    is_double = hasattr(given, "dtype") and numbers.dtype.kind == "f" and numbers.dtype.itemsize > 4
    return tf.constant(numbers.astype(np.float64 if is_double else np.float32))


def as_probabilities(name: str, given: Any) -> Any:
    """Return numbers in [0, 1] as a tensor in single precision, of whatever shape.

    Inside a graph, where there are no numbers yet, what they are is not looked at.

    Raises:
        ValueError: they are something else.
    """
    tensor = tf.convert_to_tensor(as_numbers(name, given))
    if hasattr(tensor, "numpy"):
        numbers = tensor.numpy()
        if not ((numbers >= 0) & (numbers <= 1)).all():  # NaN is neither
            ends = f"{numbers.min():.8g} to {numbers.max():.8g}"
            raise ValueError(f"{name} held numbers from {ends}; it may hold 0 to 1")
    return tf.cast(tensor, tf.float32)


def refuse_shapes(alike: bool = False, **arrays: Any) -> None:
    """Refuse shapes that do not fit each other, as far as they are known.

    Args:
        alike: whether they have to be the same.
        arrays: tensors by the name of the argument.

    Raises:
        ValueError: names two that do not fit.
    """
    for (one, a), (other, b) in combinations(arrays.items(), 2):
        fits = a.shape.is_compatible_with(b.shape)
        if not fits and not alike:
            with suppress(ValueError):
                fits = tf.broadcast_static_shape(a.shape, b.shape) is not None
        if not fits:
            raise ValueError(
                f"{one} and {other} had the shapes {tuple(a.shape)} and {tuple(b.shape)}; they may "
                f"have the same{', or shapes that fit' * (not alike)}"
            )


def as_rows(name: str, given: Any, length: int) -> Any:
    """Return finite numbers as a tensor in single precision, `(n, length)`; gradients pass.

    Inside a graph, where there are no numbers yet, only the shape is looked at.

    Raises:
        ValueError: it is something else.
    """
    form, tensor = f"(n, {length})", as_numbers(name, given)
    if not tf.is_tensor(tensor) or hasattr(tensor, "numpy"):
        single(name, given, (None, length), form)
    elif not tensor.shape.is_compatible_with((None, length)):
        raise ValueError(f"{name} had the shape {tuple(tensor.shape)}; it may be {form}")
    return tf.cast(tensor, tf.float32)


def polynomial(coefficients: Sequence[float], t: Any) -> Any:
    """Evaluate a polynomial, the coefficient of the highest power first, in the precision of `t`.

    `tf.math.polyval` makes single precision of Python's numbers, and refuses a `t` in double.
    """
    return reduce(lambda value, coefficient: value * t + coefficient, coefficients)
