"""The decoder: from a latent vector z to the likelihood p(x|z) (chapter 3).

The decoder returns logits, whatever the likelihood. For coins and for the Gaussian,
`pixel_mean` turns them into the picture E[x|z].

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, appendices C.1, C.2;
for the continuous Bernoulli, see there.
"""

import math
from typing import Any

from vae_lib.support.initializer import he_normal
from vae_lib.support.precision import in_one_precision
from vae_lib.support.xla import as_seed, compiled, generator
from vae_lib.tensorflow_quietly import keras, tf

# Added to a seed of coins, it is no seed of noise: the two never share their random bits. Of each
# of the two integers 32 bits count, and no count of draws comes as far as the last of them.
COINS = (0, 2**31)


@in_one_precision
def pixel_mean(logits: Any) -> Any:
    """The mean E[x|z] of coins, or of the Gaussian here: the sigmoid of logits, same shape."""
    return tf.sigmoid(logits)


@in_one_precision
def bernoulli_log_likelihood(x: Any, logits: Any) -> Any:
    """Compute log p(x|z) where each pixel is a coin with probability sigmoid(logits).

    For pixels that are not 0 or 1 this is the negative cross-entropy, which the field
    trains on but which is not a log-probability (chapter 3).

    Args:
        x: images in [0, 1], shape `(batch, x_dim)`.
        logits: the decoder's output, shape `(batch, x_dim)`.

    Returns:
        The log-likelihood of each example in nats, shape `(batch,)`.
    """
    per_pixel = -tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)  # (batch, x_dim)
    return tf.reduce_sum(per_pixel, axis=-1)  # (batch,)


def binarize(x: Any, seed: Any) -> Any:
    """Draw each pixel as a coin that shows 1 with probability x; equal seeds give equal coins.

    Drawn anew each time that an image is shown, this is dynamic binarization (chapter 3).

    Args:
        x: images in [0, 1], shape `(batch, x_dim)`.
        seed: two integers.

    Returns:
        Zeros and ones, float32, shape `(batch, x_dim)`. The probability is right to 2⁻¹⁶;
        pixels that are 0 or 1 stay what they are.

    Raises:
        ValueError: if the seed is not two integers.
    """
    return _flip(tf.cast(x, tf.float32), as_seed(seed) + COINS)


# 16 random bits decide a pixel, so that one draw of 32 serves two.
@compiled
def _flip(x: Any, seed: Any) -> Any:
    half = [(tf.size(x) + 1) // 2]
    words = tf.random.stateless_uniform(half, seed, None, None, tf.uint32, alg=generator())
    bits = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[: tf.size(x)]
    return tf.cast(tf.cast(tf.reshape(bits, tf.shape(x)), tf.float32) < 2.0**16 * x, tf.float32)


@in_one_precision
def gaussian_log_likelihood(x: Any, mean: Any, variance: float = 1.0) -> Any:
    """Compute log p(x|z) where each pixel is N(mean, variance), constant included.

    Args:
        x: images, shape `(batch, x_dim)`.
        mean: the means of the pixels, shape `(batch, x_dim)`.
        variance: σ², one fixed number for all pixels.

    Returns:
        The log-density of each example in nats, shape `(batch,)`.
    """
    squares = tf.square(x - mean) / variance  # (batch, x_dim)
    return -0.5 * tf.reduce_sum(squares + math.log(2.0 * math.pi * variance), axis=-1)  # (batch,)


@in_one_precision
def continuous_bernoulli_log_likelihood(x: Any, logits: Any) -> Any:
    """Compute log p(x|z) where each pixel has a density proportional to exp(x · logit) on [0, 1].

    The density is exp(x · logit) / A with A = (exp(logit) - 1) / logit, and A = 1 at logit 0.
    The mean of a pixel is not `pixel_mean` (chapter 3).

    Source: Loaiza-Ganem and Cunningham, "The Continuous Bernoulli", 2019, proposition 1,
    where sigmoid(logit) is called λ.

    Args:
        x: images in [0, 1], shape `(batch, x_dim)`.
        logits: the decoder's output, shape `(batch, x_dim)`.

    Returns:
        The log-density of each example in nats, shape `(batch,)`; it can be positive.
    """
    # log A = logit / 2 + log(sinh(s / 2) / (s / 2)) with s = |logit|; the last term is exact
    # for large s and a series for small s, where the exact one is 0 / 0 and its gradient too.
    size, squares = tf.maximum(tf.abs(logits), 0.25), tf.square(logits)  # (batch, x_dim)
    exact = 0.5 * size + tf.math.log1p(-tf.exp(-size)) - tf.math.log(size)
    series = squares / 24.0 - tf.square(squares) / 2880.0
    log_area = tf.where(tf.abs(logits) < 0.25, series, exact)  # (batch, x_dim)
    return tf.reduce_sum((x - 0.5) * logits - log_area, axis=-1)  # (batch,)


@keras.saving.register_keras_serializable(package="vae_lib")
class Decoder(keras.layers.Layer):
    """The logits of every pixel: one hidden ELU layer, one linear output.

    Args:
        x_dim: number of pixels.
        h_dim: width of the hidden layer.
        seed: of the initial weights.
    """

    def __init__(self, x_dim: int = 784, h_dim: int = 128, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.x_dim, self.h_dim, self.seed = x_dim, h_dim, seed
        common = {"kernel_initializer": he_normal(seed), "dtype": self.dtype_policy}
        self.hidden = keras.layers.Dense(h_dim, activation="elu", **common)
        self.logits = keras.layers.Dense(x_dim, **common)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for latent vectors of shape `(batch, z_dim)`."""
        self.hidden.build(input_shape)
        self.logits.build((None, self.h_dim))

    def call(self, z: Any) -> Any:
        """From latent vectors `(batch, z_dim)` to logits `(batch, x_dim)`."""
        h = self.hidden(z)  # (batch, h_dim)
        return self.logits(h)  # (batch, x_dim)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this layer again."""
        mine = {"x_dim": self.x_dim, "h_dim": self.h_dim, "seed": self.seed}
        return {**super().get_config(), **mine}
