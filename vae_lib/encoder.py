"""The encoder: from an image x to the approximate posterior q(z|x) (chapter 2).

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, appendix C.2.
"""

import math
from collections.abc import Sequence
from typing import Any

from vae_lib.support.initializer import he_normal
from vae_lib.support.numbers import several
from vae_lib.tensorflow_quietly import keras, tf


@keras.saving.register_keras_serializable(package="vae_lib")
class Encoder(keras.layers.Layer):
    """q(z|x) = N(mean, diag exp(log_var)): hidden layers, two linear heads.

    Args:
        z_dim: dimension of the latent space.
        h_dim: width of the hidden layer, or of each of several, in order.
        activation: of the hidden layers, by the name that Keras has for it.
        seed: of the initial weights.
    """

    def __init__(
        self,
        z_dim: int = 100,
        h_dim: int | Sequence[int] = 128,
        activation: str = "elu",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.z_dim, self.h_dim, self.activation, self.seed = z_dim, h_dim, activation, seed
        common = {"kernel_initializer": he_normal(seed), "dtype": self.dtype_policy}
        hidden = [keras.layers.Dense(width, activation, **common) for width in several(h_dim)]
        self.hidden = hidden
        self.mean = keras.layers.Dense(z_dim, **common)
        self.log_var = keras.layers.Dense(z_dim, **common)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape `(batch, x_dim)`, or of another layout."""
        width = math.prod(n or 1 for n in input_shape[1:])
        for layer in self.hidden:
            layer.build((None, width))
            width = layer.units
        self.mean.build((None, width))
        self.log_var.build((None, width))

    def call(self, x: Any) -> tuple[Any, Any]:
        """From images `(batch, x_dim)` to mean and log-variance, `(batch, z_dim)` each."""
        h = x if len(x.shape) == 2 else tf.reshape(x, (-1, math.prod(x.shape[1:])))
        for layer in self.hidden:
            h = layer(h)  # (batch, width)
        return self.mean(h), self.log_var(h)  # (batch, z_dim), (batch, z_dim)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this layer again."""
        mine = {"z_dim": self.z_dim, "h_dim": self.h_dim, "activation": self.activation}
        return {**super().get_config(), **mine, "seed": self.seed}
