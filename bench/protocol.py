"""What the driver and its workers agree on."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypedDict

# Entered, it waits for the driver; left, it reports the seconds and what was put in the dict.
Turn = Callable[[], AbstractContextManager[dict[str, Any]]]


Results = dict[str, Any]  # measured or summarized, as JSON has it


class Settings(TypedDict):
    """What every worker is told before its first turn.

    Attributes:
        file: the images, a `.npy` of uint8, shape `(n, 784)`.
        batch_size: images in a minibatch.
        z_dim: dimension of the latent space.
        h_dim: width of the hidden layers.
        learning_rate: of Adam.
        rounds: turns of each measurement after the first.
    """

    file: str
    batch_size: int
    z_dim: int
    h_dim: int
    learning_rate: float
    rounds: int
