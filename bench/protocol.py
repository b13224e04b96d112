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
    """How many epochs each turn has, for contestants that train inside a compiled graph.

    Whoever trains calls them for many epochs at a time, as `fit` is called. So what a call costs
    by itself, such as a look at all the images, is spread over a few epochs, the same number for
    each of them. The first turn is one epoch: it is timed from the start of the process.
    """
    return chain([1], repeat(EPOCHS))
