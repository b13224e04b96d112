"""What the driver and its workers agree on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import chain, repeat
from typing import Any, TypedDict

# Entered, it waits for the driver; left, it reports the seconds and what was put in the dict.
Turn = Callable[[], AbstractContextManager[dict[str, Any]]]

EPOCHS = 3  # in a turn of `epochs_of_turns`
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


def epochs_of_turns() -> Iterator[int]:
    """How many epochs the turns are of those who train inside a compiled graph.

    A run calls them once for many epochs, as it calls `fit`. So what a call costs by itself, such
    as a look at all the images, is spread over some epochs, for each of them over as many. The
    first turn is one epoch, since it is timed from the start of the process.
    """
    return chain([1], repeat(EPOCHS))
