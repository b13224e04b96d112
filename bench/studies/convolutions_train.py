"""A convolutional network by this book's `vae_lib.training.train`."""

import numpy as np

from bench.protocol import Settings, Turn
from bench.work import CONVOLVED, as_pictures
from vae_lib.images import ConvDecoder, ConvEncoder
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train


def build(settings: Settings) -> VAE:
    """Make a compiled model with the convolutional pair."""
    size = settings["z_dim"], (28, 28, 1), 16
    model = VAE(encoder=ConvEncoder(*size), decoder=ConvDecoder(*size))
    model.compile(keras.optimizers.Adam(settings["learning_rate"]))
    return model


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Take `CONVOLVED` steps in every turn, on images x of shape `(n, 784)`."""
    images, model, batch_size = tf.constant(as_pictures(x)), build(settings), settings["batch_size"]
    while True:
        with turn() as result:
            history = train(model, images, CONVOLVED, batch_size=batch_size)
            result.update(loss=float(history["loss"][-1]), images=CONVOLVED * batch_size)
