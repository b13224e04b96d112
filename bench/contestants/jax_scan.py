"""JAX: an epoch as one compiled `scan` over shuffled minibatches, with Adam written out."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.protocol import Settings, Turn, epochs_of_turns

B1, B2, EPSILON = 0.9, 0.999, 1e-8

Parameters = dict[str, tuple[jax.Array, jax.Array]]
State = tuple[Parameters, Parameters, Parameters, jax.Array]  # weights, two moments, steps


def initialize(key: jax.Array, z_dim: int, h_dim: int) -> Parameters:
    """Draw weights from N(0, 2 / fan_in); biases are zero."""
    shapes = {
        "hidden": (784, h_dim),
        "mean": (h_dim, z_dim),
        "log_var": (h_dim, z_dim),
        "decoder_hidden": (z_dim, h_dim),
        "logits": (h_dim, 784),
    }
    keys = jax.random.split(key, len(shapes))
    return {
        name: (jax.random.normal(k, (i, o)) * jnp.sqrt(2 / i), jnp.zeros(o))
        for k, (name, (i, o)) in zip(keys, shapes.items(), strict=True)
    }


def linear(layer: tuple[jax.Array, jax.Array], x: jax.Array) -> jax.Array:
    """Apply a layer to x, shape `(batch, in_dim)`."""
    weights, bias = layer
    return x @ weights + bias


def compute_loss(parameters: Parameters, x: jax.Array, key: jax.Array) -> jax.Array:
    """Average the loss over images x, shape `(batch, 784)`."""
    h = jax.nn.elu(linear(parameters["hidden"], x))  # (batch, h_dim)
    mean, log_var = linear(parameters["mean"], h), linear(parameters["log_var"], h)
    z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)  # (batch, z_dim)
    h = jax.nn.elu(linear(parameters["decoder_hidden"], z))  # (batch, h_dim)
    logits = linear(parameters["logits"], h)  # (batch, 784)
    cross_entropy = jnp.maximum(logits, 0) - logits * x + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    kl = 0.5 * (jnp.exp(log_var) + mean**2 - 1 - log_var)  # (batch, z_dim)
    return jnp.mean(cross_entropy.sum(axis=1) + kl.sum(axis=1))


def adam(state: State, gradients: Parameters, learning_rate: float) -> State:
    """One step of Adam."""
    parameters, m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: B1 * m + (1 - B1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: B2 * v + (1 - B2) * g**2, v, gradients)
    rate = learning_rate * jnp.sqrt(1 - B2**t) / (1 - B1**t)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), parameters, m, v
    )
    return parameters, m, v, t


@partial(jax.jit, static_argnames=("batch_size", "learning_rate"), donate_argnames="state")
def epoch(
    state: State, x: jax.Array, key: jax.Array, *, batch_size: int, learning_rate: float
) -> tuple[State, jax.Array]:
    """Train on the images x, shape `(n, 784)`, once; return the mean loss too."""
    shuffle_key, noise_key = jax.random.split(key)
    steps = len(x) // batch_size
    order = jax.random.permutation(shuffle_key, len(x))[: steps * batch_size]

    def step(state: State, inputs: tuple[jax.Array, jax.Array]) -> tuple[State, Any]:
        rows, step_key = inputs
        loss, gradients = jax.value_and_grad(compute_loss)(state[0], x[rows], step_key)
        return adam(state, gradients, learning_rate), loss

    inputs = order.reshape(steps, batch_size), jax.random.split(noise_key, steps)
    state, losses = jax.lax.scan(step, state, inputs)
    return state, losses.mean()


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Train on the images x, shape `(n, 784)`: one wait in every turn, for all its epochs."""
    batch_size, learning_rate = settings["batch_size"], settings["learning_rate"]
    key, initial_key = jax.random.split(jax.random.key(0))
    parameters = initialize(initial_key, settings["z_dim"], settings["h_dim"])
    zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
    state: State = (parameters, zeros[0], zeros[1], jnp.zeros((), jnp.int32))
    images = jax.device_put(x)
    losses: list[jax.Array] = []  # of all epochs
    for turns, epochs in enumerate(epochs_of_turns()):
        with turn() as result:
            for _ in range(epochs):
                key, epoch_key = jax.random.split(key)
                state, loss = epoch(
                    state, images, epoch_key, batch_size=batch_size, learning_rate=learning_rate
                )
                losses.append(loss)
            jax.block_until_ready(state)
            # The loss of the epoch that the other contestants are in.
            seen = epochs * (len(x) // batch_size) * batch_size
            result.update(loss=float(losses[turns]), images=seen)
