"""What calls cost: the first ones, which build and compile, and an evaluation of the ELBO."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.clock import seconds
from bench.protocol import Settings, Turn
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras
from vae_lib.training import train

EVALUATED = 10_000


def build(settings: Settings) -> VAE:
    """Make a compiled model."""
    model = VAE(settings["z_dim"], settings["h_dim"])
    model.compile(keras.optimizers.Adam(settings["learning_rate"]))
    return model


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Time first calls in the first turn, evaluations in every turn.

    Args:
        turn: as in all workers.
        x: the images, shape `(n, 784)`.
        settings: as in all workers.
    """
    batch_size = settings["batch_size"]
    evaluated = x[:EVALUATED]
    with turn() as result:
        result["evaluated"] = len(evaluated)
        result["build"] = seconds(lambda: build(settings))
        model, other = build(settings), build(settings)
        # One iteration: what is left is the compilation, and putting the images in place.
        result["first_train"] = seconds(lambda: train(model, x, 1, batch_size=batch_size))
        result["second_train"] = seconds(lambda: train(model, x, 1, batch_size=batch_size))
        evaluations: dict[str, Callable[[], Any]] = {
            "evaluate_1000": lambda: model.evaluate(evaluated, batch_size=1000, verbose=0),
            "evaluate_default": lambda: other.evaluate(evaluated, verbose=0),
        }
        result.update({name: seconds(call) for name, call in evaluations.items()})
    while True:
        with turn() as result:
            result.update({name: seconds(call) for name, call in evaluations.items()})
