"""Keras's `fit`, in the manner of the VAE in Keras's own examples.

A `train_step` of its own, three trackers of means, and the defaults of `compile` and `fit`,
progress bar included.
"""

from contextlib import ExitStack
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from bench.protocol import Settings, Turn


def dense(width: int, activation: str | None = None) -> Any:
    """Make a layer with weights from N(0, 2 / fan_in) and zero biases."""
    weights = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
    return layers.Dense(width, activation, kernel_initializer=weights)


class Sampling(layers.Layer):
    """Draw z from q(z|x)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """From mean and log-variance to z, shape `(batch, z_dim)` each."""
        mean, log_var = inputs
        eps = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * eps


def make_encoder(settings: Settings) -> Any:
    """Images `(batch, 784)` to mean, log-variance and z, `(batch, z_dim)` each."""
    x = keras.Input((784,))
    h = dense(settings["h_dim"], "elu")(x)
    mean, log_var = dense(settings["z_dim"])(h), dense(settings["z_dim"])(h)
    return keras.Model(x, [mean, log_var, Sampling()([mean, log_var])])


def make_decoder(settings: Settings) -> Any:
    """Latent vectors `(batch, z_dim)` to logits `(batch, 784)`."""
    z = keras.Input((settings["z_dim"],))
    return keras.Model(z, dense(784)(dense(settings["h_dim"], "elu")(z)))


class VAE(keras.Model):
    """A VAE with its own training step."""

    def __init__(self, encoder: Any, decoder: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.trackers = [keras.metrics.Mean(n) for n in ("loss", "reconstruction_loss", "kl_loss")]

    @property
    def metrics(self) -> list[Any]:
        """What Keras resets when an epoch begins."""
        return self.trackers

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of the optimizer on images of shape `(batch, 784)`."""
        with tf.GradientTape() as tape:
            mean, log_var, z = self.encoder(data)
            cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(data, self.decoder(z))
            reconstruction = ops.mean(ops.sum(cross_entropy, axis=1))
            kl = -0.5 * (1 + log_var - ops.square(mean) - ops.exp(log_var))  # (batch, z_dim)
            kl = ops.mean(ops.sum(kl, axis=1))
            loss = reconstruction + kl
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        for tracker, value in zip(self.trackers, (loss, reconstruction, kl), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


class EpochIsTurn(keras.callbacks.Callback):
    """Makes each epoch of one long `fit` a turn."""

    def __init__(self, turn: Turn, images: int) -> None:
        super().__init__()
        self.turn, self.images = turn, images
        self.current = ExitStack()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Wait for the driver."""
        self.result = self.current.enter_context(self.turn())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report the epoch's loss."""
        self.result.update(loss=float(logs["loss"]), images=self.images)
        self.current.close()


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Train on the images x, shape `(n, 784)`, for an epoch in every turn."""
    model = VAE(make_encoder(settings), make_decoder(settings))
    model.compile(optimizer=keras.optimizers.Adam(settings["learning_rate"]))
    model.fit(
        x,
        epochs=1_000_000,  # until the driver has had enough
        batch_size=settings["batch_size"],
        callbacks=[EpochIsTurn(turn, len(x))],
    )
