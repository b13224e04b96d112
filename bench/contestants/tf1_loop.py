"""The loop of the notebook that this book grew from: a TF1 session that is fed minibatches."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from bench.protocol import Settings, Turn

tf1 = tf.compat.v1


def he_normal(size: tuple[int, int]) -> Any:
    """Draw weights from N(0, 2 / fan_in)."""
    return tf1.random_normal(shape=size, stddev=(2 / size[0]) ** 0.5)


def linear(x: Any, in_dim: int, out_dim: int) -> Any:
    """Apply a new linear layer: `(batch, in_dim)` to `(batch, out_dim)`."""
    return x @ tf1.Variable(he_normal((in_dim, out_dim))) + tf1.Variable(tf.zeros(out_dim))


def build(x: Any, settings: Settings) -> tuple[Any, Any]:
    """Build the graph on images x, `(batch, 784)`; return one step of Adam, and the loss."""
    h_dim, z_dim = settings["h_dim"], settings["z_dim"]
    h = tf.nn.elu(linear(x, 784, h_dim))  # (batch, h_dim)
    mean, log_var = linear(h, h_dim, z_dim), linear(h, h_dim, z_dim)  # (batch, z_dim)
    z = mean + tf.exp(log_var / 2) * tf1.random_normal(tf.shape(mean))  # (batch, z_dim)
    h = tf.nn.elu(linear(z, z_dim, h_dim))  # (batch, h_dim)
    logits = linear(h, h_dim, 784)  # (batch, 784)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    kl = 0.5 * tf.reduce_sum(tf.exp(log_var) + mean**2 - 1.0 - log_var, 1)  # (batch,)
    loss = tf.reduce_mean(tf.reduce_sum(cross_entropy, 1) + kl)
    return tf1.train.AdamOptimizer(settings["learning_rate"]).minimize(loss), loss


def minibatches(x: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Shuffle an epoch and cut it into minibatches, `(batch_size, 784)` each."""
    order = np.random.default_rng().permutation(len(x))
    for start in range(0, len(x) - batch_size + 1, batch_size):
        yield x[order[start : start + batch_size]]


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Train on the images x, shape `(n, 784)`, for an epoch in every turn."""
    batch_size = settings["batch_size"]
    with tf.Graph().as_default(), tf1.Session() as session:
        images = tf1.placeholder(tf.float32, [None, 784])
        solver, loss = build(images, settings)
        session.run(tf1.global_variables_initializer())
        while True:
            with turn() as result:
                losses = [
                    session.run([solver, loss], {images: minibatch})[1]
                    for minibatch in minibatches(x, batch_size)
                ]
                result.update(loss=float(np.mean(losses)), images=len(losses) * batch_size)
