"""Training that has gone astray: it stops, and says what happened, where, and what to try."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from vae_lib.tensorflow_quietly import tf


def check_finite(loss: float, start: int, stop: int, kept: str = "") -> None:
    """Stop a training that has gone astray.

    Args:
        loss: summed up, or averaged, since `start`.
        start: the iteration after which it was finite.
        stop: the iteration that training has come to.
        kept: which checkpoint is from before, in words.

    Raises:
        FloatingPointError: the loss is not a finite number.
    """
    if not np.isfinite(loss):
        raise FloatingPointError(_astray(f"the loss became {loss}", start, stop, kept))


def check_training(
    loss: float, variables: Iterable[Any], start: int, stop: int, kept: str = ""
) -> None:
    """Stop a training that has gone astray, also in its last step, which no loss has shown yet.

    Args:
        loss: summed up, or averaged, since `start`.
        variables: of the model and its optimizer.
        start: the iteration after which they were finite.
        stop: the iteration that training has come to.
        kept: which checkpoint is from before, in words.

    Raises:
        FloatingPointError: the loss, or what one of them holds, is not a finite number.
    """
    check_finite(loss, start, stop, kept)
    broken = [v.path for v in variables if not np.all(np.isfinite(tf.convert_to_tensor(v)))]
    if broken:
        named = ", ".join(broken[:3]) + ", …" * (len(broken) > 3)
        what = f"{len(broken)} of the model's and the optimizer's variables became NaN or infinite"
        raise FloatingPointError(_astray(f"{what} ({named})", start, stop, kept))


def _astray(what: str, start: int, stop: int, kept: str) -> str:
    return (
        f"{what} between iterations {start} and {stop}{kept and '; '}{kept}; a smaller learning "
        "rate usually helps, or the optimizer's clipnorm=1.0"
    )
