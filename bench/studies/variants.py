"""Where a step's time goes, and what was tried: the loop of `train` with one part replaced."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np

from bench.clock import seconds
from bench.protocol import Settings, Turn
from vae_lib.model import VAE
from vae_lib.support.xla import compiled
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import STEPS_PER_CALL, compile_steps, minibatch_order, train_step

STEPS = 400  # of each variant, in one turn
CALLS = 100  # where each step is a call of its own


def forward(model: VAE, x: Any) -> Any:
    """The loss alone: no gradient, no optimizer."""
    reconstruction, kl = model.terms(x, model(x, training=True))  # (batch,), (batch,)
    return tf.stack([tf.reduce_mean(reconstruction + kl)] * 3)


def without_report(model: VAE, x: Any) -> Any:
    """A step that reports nothing: its gradient needs no value of the loss."""
    train_step(model, x)
    return tf.zeros(3)


def no_draw(shape: Any, seed: Any) -> Any:
    """A constant for the noise."""
    return tf.fill(shape, 0.5)


def usual_draw(generator: str) -> Callable[[Any, Any], Any]:
    """TensorFlow's own normal draws, by one of XLA's generators."""

    def draw(shape: Any, seed: Any) -> Any:
        return tf.random.stateless_normal(shape, tf.cast(seed, tf.int64), alg=generator)

    return draw


@compiled
def shuffled(keys: Any) -> Any:
    """Order the images by random keys, shape `(n,)`, as XLA would have to inside the loop."""
    return tf.argsort(keys)


class Loop:
    """The compiled loop of `train`.

    Args:
        images: a tensor of shape `(n, 784)`, shared by all loops.
        settings: as in all workers.
        optimizer: in place of Adam.
        replaced: functions to be used in the loop, by the names of those they replace.
    """

    def __init__(
        self,
        images: Any,
        settings: Settings,
        optimizer: Any = keras.optimizers.Adam,
        replaced: dict[str, Any] | None = None,
    ) -> None:
        self.model = VAE(settings["z_dim"], settings["h_dim"])
        self.model.compile(optimizer(settings["learning_rate"]))
        with ExitStack() as stack:
            for name, function in (replaced or {}).items():
                stack.enter_context(patch(name, function))
            self.steps = compile_steps(self.model, len(images), settings["batch_size"])
        self.images = images
        order = minibatch_order(len(images), settings["batch_size"], 0, STEPS_PER_CALL, 0)
        self.order = tf.constant(order.ravel())

    def call(self, n_steps: int) -> None:
        """Take steps in one call, and wait for them."""
        seed = tf.constant(0, tf.int64)
        self.steps(self.images, self.order, tf.constant(n_steps), seed).numpy()


def variants(images: Any, settings: Settings) -> dict[str, Loop]:
    """Make all variants of the loop, for images of shape `(n, 784)`."""
    noise, step = "vae_lib.model.standard_normal", "vae_lib.training.train_step"
    return {
        "whole": Loop(images, settings),
        "threefry": Loop(images, settings, replaced={noise: usual_draw("threefry")}),
        "philox": Loop(images, settings, replaced={noise: usual_draw("philox")}),
        "no_noise": Loop(images, settings, replaced={noise: no_draw}),
        "no_report": Loop(images, settings, replaced={step: without_report}),
        "sgd": Loop(images, settings, optimizer=keras.optimizers.SGD),
        "forward": Loop(images, settings, replaced={step: forward}),
    }


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Time a step of each variant in every turn, and two ways to shuffle.

    Args:
        turn: as in all workers.
        x: the images, shape `(n, 784)`.
        settings: as in all workers.
    """
    loops = variants(tf.constant(x), settings)
    keys, rng = tf.random.uniform([len(x)]), np.random.default_rng(0)

    def single_calls() -> None:
        for _ in range(CALLS):
            loops["whole"].call(1)

    while True:
        with turn() as result:
            result["steps"] = {
                name: seconds(lambda loop=loop: loop.call(STEPS)) / STEPS  # type: ignore[misc]
                for name, loop in loops.items()
            }
            result["steps"]["one_call_each"] = seconds(single_calls) / CALLS
            result["shuffle_numpy"] = seconds(lambda: rng.permutation(len(x)))
            result["shuffle_xla"] = seconds(lambda: shuffled(keys).numpy())
