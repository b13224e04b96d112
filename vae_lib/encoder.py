"""The encoder: from an image x to the approximate posterior q(z|x) (chapter 2).

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, appendix C.2.
"""

from typing import Any

from vae_lib.support.initializer import he_normal
from vae_lib.tensorflow_quietly import keras


@keras.saving.register_keras_serializable(package="vae_lib")
class Encoder(keras.layers.Layer):
    """q(z|x) = N(mean, diag exp(log_var)): one hidden ELU layer, two linear heads.

    Args:
        z_dim: dimension of the latent space.
        h_dim: width of the hidden layer.
        seed: of the initial weights.
    """

    def __init__(self, z_dim: int = 100, h_dim: int = 128, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.z_dim, self.h_dim, self.seed = z_dim, h_dim, seed
        common = {"kernel_initializer": he_normal(seed), "dtype": self.dtype_policy}
        self.hidden = keras.layers.Dense(h_dim, activation="elu", **common)
        self.mean = keras.layers.Dense(z_dim, **common)
        self.log_var = keras.layers.Dense(z_dim, **common)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape `(batch, x_dim)`."""
        self.hidden.build(input_shape)
        self.mean.build((None, self.h_dim))
        self.log_var.build((None, self.h_dim))

    def call(self, x: Any) -> tuple[Any, Any]:
        """From images `(batch, x_dim)` to mean and log-variance, `(batch, z_dim)` each."""
        h = self.hidden(x)  # (batch, h_dim)
        return self.mean(h), self.log_var(h)  # (batch, z_dim), (batch, z_dim)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this layer again."""
        mine = {"z_dim": self.z_dim, "h_dim": self.h_dim, "seed": self.seed}
        return {**super().get_config(), **mine}
