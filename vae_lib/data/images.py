"""What images have to be, so that a model can be trained on them."""

from typing import Any

import numpy as np


def check_images(x: Any, x_dim: int) -> None:
    """Refuse what a model for images of `x_dim` pixels cannot be trained on.

    Raises:
        ValueError: says what `x` was, what it may be, and the remedy.
    """
    shape = np.shape(x)
    if len(shape) != 2 or shape[0] == 0 or shape[1] != x_dim:
        raise ValueError(
            f"x had the shape {shape}; it may be (n, {x_dim}), "
            "which is what load_mnist(flat=True) makes"
        )
    low, high = np.min(x), np.max(x)
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"x had values from {low} to {high}; they may be from 0 to 1: divide bytes by 255"
        )
