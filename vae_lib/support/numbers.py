"""Numbers that a reader gives: taken if they are of any fitting kind, or refused in a sentence."""

import operator
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray


def whole(name: str, given: Any, least: int, most: float = np.inf) -> int:
    """Return a whole number of any kind as Python's own; True and False are none.

    Raises:
        ValueError: it is another thing, or beyond the limits.
    """
    with suppress(TypeError):
        number = operator.index(given)
        if not isinstance(given, bool) and least <= number <= most:
            return number
    upward = "" if most == np.inf else f" to {most}"
    raise ValueError(f"{name} was {given!r}; it may be a whole number from {least}{upward}")


def several(given: int | Sequence[int]) -> tuple[int, ...]:
    """Return several numbers: a single one is the only one."""
    return (given,) if isinstance(given, int) else tuple(given)


def between(name: str, given: Any, low: float, high: float = np.inf) -> float:
    """Return a real number of any kind as Python's own, if it is between the limits.

    Raises:
        ValueError: it is another thing, or not between them.
    """
    with suppress(TypeError, ValueError):
        number = float(given)
        if not isinstance(given, bool | str) and low < number < high:
            return number
    limits = (
        f"finite number above {low:.3g}" if high == np.inf else f"number between {low} and {high}"
    )
    raise ValueError(f"{name} was {given!r}; it may be a {limits}")


def finite(name: str, given: Any, form: str = "any shape") -> NDArray[np.float64]:
    """Return an array of finite numbers in double precision.

    Args:
        name: of the argument.
        given: the array, or what can become one.
        form: which shapes it may have, for the sentence.

    Raises:
        ValueError: it holds others, or is no array of numbers.
    """
    array = numbers = None
    with suppress(TypeError, ValueError):  # no numbers, or rows of several lengths
        array = np.asarray(given)
        numbers = array.astype(np.float64)
    if array is None or numbers is None or given is None or array.dtype.kind in "SU":
        kind = type(given).__name__
        raise ValueError(f"{name} was of the type {kind}; it may be finite numbers, {form}")
    if len(bad := np.argwhere(~np.isfinite(numbers))):
        where = ", ".join(map(str, bad[0]))
        raise ValueError(
            f"{name} held {len(bad)} values that are not finite, at [{where}] "
            f"{numbers[tuple(bad[0])]}; it may hold finite numbers: find out where the others come "
            "from, or leave them out"
        )
    return numbers
