"""This book's `vae_lib.training.train`."""

import numpy as np

from bench.protocol import Settings, Turn, epochs_of_turns
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Train on the images x, shape `(n, 784)`: one call in every turn."""
    images, batch_size = tf.constant(x), settings["batch_size"]
    steps = len(x) // batch_size
    model = VAE(settings["z_dim"], settings["h_dim"])
    model.compile(keras.optimizers.Adam(settings["learning_rate"]))
    losses: list[float] = []  # of all epochs
    for turns, epochs in enumerate(epochs_of_turns()):
        with turn() as result:
            history = train(
                model, images, epochs * steps, batch_size=batch_size, report_every=steps
            )
            losses += history["loss"].tolist()
            # The loss of the epoch that the other contestants are in.
            result.update(loss=losses[turns], images=epochs * steps * batch_size)
