"""The loop of TensorFlow's VAE tutorial: `tf.data`, and one compiled step for each minibatch."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bench.protocol import Settings, Turn


def dense(width: int, activation: str | None = None) -> Any:
    """Make a layer with weights from N(0, 2 / fan_in) and zero biases."""
    weights = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
    return keras.layers.Dense(width, activation, kernel_initializer=weights)


class VAE(keras.Model):
    """An encoder with two heads, and a decoder."""

    def __init__(self, z_dim: int, h_dim: int) -> None:
        super().__init__()
        self.hidden = dense(h_dim, "elu")
        self.mean, self.log_var = dense(z_dim), dense(z_dim)
        self.decoder = keras.Sequential([dense(h_dim, "elu"), dense(784)])

    def encode(self, x: Any) -> tuple[Any, Any]:
        """From images `(batch, 784)` to mean and log-variance, `(batch, z_dim)` each."""
        h = self.hidden(x)
        return self.mean(h), self.log_var(h)

    def reparameterize(self, mean: Any, log_var: Any) -> Any:
        """Draw z from q(z|x), shape `(batch, z_dim)`."""
        return tf.random.normal(tf.shape(mean)) * tf.exp(log_var * 0.5) + mean


def compute_loss(model: VAE, x: Any) -> Any:
    """Average the loss over images x, shape `(batch, 784)`."""
    mean, log_var = model.encode(x)
    logits = model.decoder(model.reparameterize(mean, log_var))  # (batch, 784)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=x)
    kl = 0.5 * tf.reduce_sum(tf.exp(log_var) + mean**2 - 1.0 - log_var, axis=1)  # (batch,)
    return tf.reduce_mean(tf.reduce_sum(cross_entropy, axis=1) + kl)


@tf.function
def train_step(model: VAE, x: Any, optimizer: Any) -> Any:
    """One step on images x, shape `(batch, 784)`; return the loss before it."""
    with tf.GradientTape() as tape:
        loss = compute_loss(model, x)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return loss


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Train on the images x, shape `(n, 784)`, for an epoch in every turn."""
    model = VAE(settings["z_dim"], settings["h_dim"])
    optimizer = keras.optimizers.Adam(settings["learning_rate"])
    dataset = tf.data.Dataset.from_tensor_slices(x).shuffle(60000).batch(settings["batch_size"])
    while True:
        with turn() as result:
            losses = [train_step(model, minibatch, optimizer) for minibatch in dataset]
            result.update(loss=float(tf.reduce_mean(losses)), images=len(x))
