"""How the cost of `train` grows: with z_dim, with the minibatch, with images, and binarized."""

from typing import Any

import numpy as np

from bench.cases import Case, groups
from bench.clock import seconds
from bench.protocol import Settings, Turn
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train


class Epoch:
    """A model of its own for each case, which a call trains for an epoch.

    Attributes:
        images: as many as the case needs, a tensor of shape `(n, 784)`.
        case: how to call `train`.
    """

    def __init__(self, images: Any, case: Case, settings: Settings) -> None:
        self.images, self.case = images, case
        self.model = VAE(case.z_dim, settings["h_dim"])
        self.model.compile(keras.optimizers.Adam(settings["learning_rate"]))

    def __call__(self) -> None:
        """Train for one more epoch."""
        case, steps = self.case, self.case.steps
        train(
            self.model,
            self.images,
            steps,
            batch_size=case.batch_size,
            report_every=steps,
            binarize=case.binarize,
        )


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Measure one round of one group in every turn, group after group.

    Args:
        turn: as in all workers.
        x: the images, shape `(n, 784)`.
        settings: as in all workers.
    """
    for group, cases in groups(len(x), settings["batch_size"], settings["z_dim"]).items():
        images = {case.images: tf.constant(x[: case.images]) for case in cases.values()}
        epochs = {name: Epoch(images[case.images], case, settings) for name, case in cases.items()}
        for epoch in epochs.values():
            epoch()  # compiles
        for _ in range(settings["rounds"]):
            with turn() as result:
                result["group"] = group
                result["cases"] = {name: seconds(epoch) for name, epoch in epochs.items()}
