"""What images have to be, before a model sees them."""

import math
from typing import Any

import numpy as np

from vae_lib.support.numbers import array


def is_array(x: Any) -> bool:
    """Whether `x` holds its images itself: a data set or a generator does not."""
    return isinstance(x, list | tuple | dict) or (hasattr(x, "__array__") and hasattr(x, "shape"))


def as_images(x: Any, x_shape: tuple[int, ...], bounded: bool = True) -> np.ndarray:
    """Return images as a model takes them, or refuse them before any work.

    Numbers of any kind become float32, and images of another layout those of the model's, where
    that loses nothing: `(n, 28, 28)`, `(n, 28, 28, 1)` and `(n, 784)` are the same images, and a
    single one needs no axis of its own.

    Args:
        x: images in [0, 1].
        x_shape: the shape of an image: `(784,)`, say, or `(28, 28, 1)`.
        bounded: whether values beyond [0, 1] are refused; a Gaussian density is one of all numbers.

    Returns:
        Shape `(n, *x_shape)`; the given array itself where it is that already.

    Raises:
        ValueError: says what `x` was, what it may be, and the remedy.
    """
    images = array("x", x, f"from 0 to 1, {_form(x_shape)}")
    with np.errstate(over="ignore"):  # what single precision does not have is refused below
        images = _laid_out(images, x_shape).astype(np.float32, copy=False)  # (n, *x_shape)
    _check_range(images, bounded)
    return images


def _form(x_shape: tuple[int, ...]) -> str:
    """Write the shape of several images."""
    return f"(n, {', '.join(map(str, x_shape))})"


def _laid_out(images: np.ndarray, x_shape: tuple[int, ...]) -> np.ndarray:
    """Lay out images as a model takes them, or a single one as the only one, `(n, *x_shape)`."""
    shape, x_dim = images.shape, math.prod(x_shape)
    pixels = math.prod(shape[1:])
    if images.size and len(shape) > 1 and _same(shape[1:], x_shape):
        return images.reshape(len(images), *x_shape)
    # Of other shapes, some are several images of fewer pixels: two halves, say.
    is_square = len(shape) == 1 or shape[:1] == shape[1:2]
    if images.size == x_dim and (_same(shape, x_shape) if len(x_shape) > 1 else is_square):
        return images.reshape(1, *x_shape)
    remedy = ""
    if images.size and len(shape) > 1 and pixels == x_dim and shape[1] in (1, 3, 4):
        remedy = "; np.moveaxis(x, 1, -1) puts the colors last"
    elif images.size and len(shape) > 1:
        own = pixels if len(x_shape) == 1 else shape[1:]
        remedy = f"; a model for them has x_dim={own}"
    others = f"n images of {x_dim} pixels in another layout"
    if len(x_shape) > 1:
        others = f"their rows of pixels, (n, {x_dim})"
    raise ValueError(f"x had the shape {shape}; it may be {_form(x_shape)}, or {others}{remedy}")


def _same(shape: tuple[int, ...], x_shape: tuple[int, ...]) -> bool:
    """Whether an image of one shape is one of the other, read in the same order.

    A row has no order but its own, so it is as good as any; of others only axes of length 1 differ.
    """
    rows = len(shape) == 1 or len(x_shape) == 1
    if rows:
        return math.prod(shape) == math.prod(x_shape)
    return [n for n in shape if n > 1] == [n for n in x_shape if n > 1]


def _check_range(images: np.ndarray, bounded: bool) -> None:
    low, high = images.min(), images.max()
    if low >= 0 and high <= 1:
        return
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = np.argwhere(~np.isfinite(images))
        allowed = "from 0 to 1" if bounded else "any number that single precision has"
        raise ValueError(
            f"x held {len(bad)} values that are no finite numbers, the first in image "
            f"{bad[0][0]}; they may be {allowed}: find out where they come from, or leave "
            "out these images"
        )
    if not bounded:
        return
    if low >= -0.1 and high <= 1.1:
        remedy = "np.clip(x, 0, 1) takes away what rounding or resizing has added"
    elif -1 <= low < 0 and high <= 1:
        remedy = "(x + 1) / 2 takes -1…1 to 0…1"
    elif low >= 0:
        remedy = "divide by the largest value that a pixel may have, which is 255 for bytes"
    else:
        remedy = "subtract the smallest value and divide by the difference to the largest"
    ends = f"from {float(low):.8g} to {float(high):.8g}"
    raise ValueError(f"x had values {ends}; they may be from 0 to 1: {remedy}")
