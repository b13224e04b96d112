"""Numbers that a reader gives: taken if they are of any fitting kind, or refused in a sentence."""

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 100  # of a value in a sentence, in letters
MOST_LOG_VARIANCE = 600  # e^600 is a double, and its square root times a draw, squared, too
SINGLE = float(np.finfo(np.float32).max)
MANY = 10_000_000  # of anything: who gives more means something else
LARGEST_SEED = 2**31 - 1


def at_once(wanted: int, size: int) -> int:
    """Count how many arrays of a size are held together: as many as wanted, unless it is too much.

    It is at least one, and all of them have no more than MANY numbers.
    """
    return max(1, min(wanted, MANY // size))


def whole(name: str, given: Any, least: int, most: int = MANY) -> int:
    """Return a whole number of any kind as Python's own; True and False are none.

    Raises:
        ValueError: it is another thing, or beyond the limits.
    """
    with suppress(TypeError):
        number = operator.index(given)
        if not isinstance(given, bool) and least <= number <= most:
            return number
    raise ValueError(
        f"{name} was {shown(given)}; it may be a whole number from {least} to {most:,}"
    )


def seed_of(given: Any) -> int:
    """Return the seed of draws as Python's own whole number.

    Raises:
        ValueError: it is another thing.
    """
    return whole("seed", given, 0, LARGEST_SEED)


def several(given: int | Sequence[int]) -> tuple[int, ...]:
    """Return several numbers: a single one is the only one."""
    return (given,) if isinstance(given, int) else tuple(given)


def between(name: str, given: Any, low: float, high: float = np.inf) -> float:
    """Return a real number of any kind as Python's own, if it is between the limits.

    Raises:
        ValueError: it is another thing, or not between them.
    """
    with suppress(TypeError, ValueError, OverflowError):
        number = float(given)
        if not isinstance(given, bool | str) and low < number < high:
            return number
    limits = (
        f"finite number above {low:.3g}" if high == np.inf else f"number between {low} and {high}"
    )
    raise ValueError(f"{name} was {shown(given)}; it may be a {limits}")


def shown(given: Any) -> str:
    """Write a value as Python does; of a long one the beginning, of an unspeakable one its type."""
    try:
        text = " ".join(repr(given).split())
    except Exception:  # a number of more than 4,300 digits, or whatever another's class raises
        return f"a {type(given).__name__}"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """Say whose x it was, in a sentence about an x that came in by another name."""
    try:
        yield
    except ValueError as refusal:
        raise ValueError(f"{argument}: {refusal}") from None


def read(name: str, given: Any, wanted: str) -> NDArray[Any]:
    """Return what is given as NumPy takes it, whatever it holds, and whoever's array it is.

    Raises:
        ValueError: NumPy does not take it, or would take what lies below a mask.
    """
    if any(map(np.ma.is_masked, given if isinstance(given, list | tuple) else [given])):
        raise ValueError(f"{name} had masked values; {wanted}: {name}.filled(0) puts 0 for them")
    try:
        return np.asarray(given)
    except Exception as error:  # rows of several lengths, or whatever another's array raises
        why = f"which NumPy does not take ({' '.join(str(error).split())})"
        if isinstance(given, list | tuple):
            why = "with parts of different sizes or kinds"
        raise ValueError(
            f"{name} was of the type {type(given).__name__}, {why}; {wanted}"
        ) from None


def array(name: str, given: Any, form: str = "any shape", kind: str = "numbers") -> NDArray[Any]:
    """Return an array of real numbers, of whatever kind it is; the given one, where it is that.

    bfloat16, which NumPy computes little with, becomes single precision.

    Args:
        name: of the argument.
        given: an array of any library, or nested lists of numbers.
        form: which shapes it may have, for the sentence.
        kind: which numbers, for the sentence.

    Raises:
        ValueError: it is something else; see `read`.
    """
    wanted = f"it may be an array of {kind}, {form}"
    found = read(name, given, wanted)
    was = f"was of the type {type(given).__name__}"
    if found.dtype == object:
        raise ValueError(f"{name} {was}; {wanted}")
    if str(found.dtype) == "bfloat16":
        return found.astype(np.float32)
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{name} {was}, and held {found.dtype}; {wanted}")
    return found


def finite(name: str, given: Any, form: str = "any shape") -> NDArray[np.float64]:
    """Return an array of finite numbers in double precision; see `array`.

    Raises:
        ValueError: it holds others, or is no array of numbers.
    """
    return _finite(name, given, form).astype(np.float64)


def shaped(name: str, given: Any, shape: tuple[int | None, ...], form: str) -> NDArray[np.float64]:
    """Return finite numbers of a shape, where None is any length but 0.

    Raises:
        ValueError: they are others, or of another shape, which might broadcast unnoticed.
    """
    return _shaped(name, _finite(name, given, form), shape, form).astype(np.float64)


def single(name: str, given: Any, shape: tuple[int | None, ...], form: str) -> NDArray[np.float32]:
    """Return finite numbers of a shape in single precision, the given array where it is that.

    Raises:
        ValueError: they are others, or beyond what single precision has; see `shaped`.
    """
    values = _shaped(name, _finite(name, given, form), shape, form)
    if values.dtype.itemsize > 4 and (most := abs(values).max()) > SINGLE:
        raise ValueError(f"{name} held {most:.3g}; it may hold numbers up to {SINGLE:.3g}")
    return values.astype(np.float32, copy=False)


def _finite(name: str, given: Any, form: str) -> NDArray[Any]:
    """Refuse numbers that are not finite; others stay what they are, up to double precision."""
    numbers = array(name, given, form, "finite numbers")
    if numbers.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # what no double has is infinite then
            numbers = numbers.astype(np.float64)
    if not np.isfinite(numbers).all():
        bad = np.argwhere(~np.isfinite(numbers))
        where = ", ".join(map(str, bad[0]))
        raise ValueError(
            f"{name} held {len(bad)} values that are not finite, at [{where}] "
            f"{numbers[tuple(bad[0])]}; it may hold finite numbers: find out where the others come "
            "from, or leave them out"
        )
    return numbers


def _shaped(
    name: str, values: NDArray[Any], shape: tuple[int | None, ...], form: str
) -> NDArray[Any]:
    is_alike = [want in (None, has) for want, has in zip(shape, values.shape, strict=False)]
    if values.ndim != len(shape) or not all(is_alike) or values.size == 0:
        lengths = ", ".join("1 or more" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} had the shape {values.shape}; it may be {form}: ({lengths})")
    return values


def refuse_beyond(most: float, **arrays: NDArray[Any]) -> None:
    """Refuse numbers so large that their squares are none in the precision that they have.

    Raises:
        ValueError: names the first array that holds one.
    """
    for name, values in arrays.items():
        if (largest := abs(values).max()) > most:
            raise ValueError(f"{name} held ±{largest:.3g}; it may hold numbers up to {most:.3g}")


def log_variances(given: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return log-variances, `(n, z_dim)`, or say what they may be.

    Raises:
        ValueError: they are others, or no double has the variance or the precision.
    """
    log_var = shaped("log_var", given, shape, "(n, z_dim)")
    if (most := abs(log_var).max()) > MOST_LOG_VARIANCE:
        raise ValueError(f"log_var went to ±{most:.4g}; it may go to ±{MOST_LOG_VARIANCE}")
    return log_var


def class_numbers(name: str, given: Any, count: int, most: int) -> NDArray[np.int64]:
    """Return whole numbers from 0 to below `most`, one for each of so many examples.

    Raises:
        ValueError: they are others.
    """
    numbers = array(name, given, f"({count},)", "whole numbers")
    fits = numbers.dtype.kind in "iu" and numbers.shape == (count,)
    if not fits or (count and not 0 <= numbers.min() <= numbers.max() < most):
        raise ValueError(
            f"{name} was {numbers.dtype} of the shape {numbers.shape}, {shown(numbers)}; it "
            f"may be ({count},) whole numbers from 0 to {most - 1}"
        )
    return numbers.astype(np.int64)
