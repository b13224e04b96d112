"""The decoder: from a latent vector z to the likelihood p(x|z) (chapter 3).

The decoder returns logits, whatever the likelihood. For coins and for the Gaussian,
`pixel_mean` turns them into the picture E[x|z].

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, appendices C.1, C.2;
for the continuous Bernoulli, see there.
"""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from vae_lib.reparameterization import standard_normal
from vae_lib.support.initializer import he_normal
from vae_lib.support.numbers import between, finite, naming, several, shown
from vae_lib.support.precision import (
    as_probabilities,
    in_one_precision,
    in_single_precision,
    polynomial,
    refuse_shapes,
)
from vae_lib.support.xla import as_seed, compiled, generator
from vae_lib.tensorflow_quietly import keras, tf

# Added to a seed of pixels, it is no seed of z's noise: the two never share their random bits. Of
# each of the two integers 32 bits count, and no count of draws comes as far as the last of them.
PIXELS = (0, 2**31)
LEVELS = 255.0  # the largest byte
ROUNDING = 1 / (12 * LEVELS**2)  # the variance of rounding to bytes
# The series of log(sinh(s / 2) / (s / 2)) / s², in s².
AREA = [1 / 479001600, -1 / 9676800, 1 / 181440, -1 / 2880, 1 / 24]
LEAST_SCALE = math.exp(-7.0)  # a quarter of a level


@in_one_precision
def pixel_mean(logits: Any) -> Any:
    """The mean E[x|z] of coins, or of the Gaussian here: the sigmoid of logits, same shape."""
    return _sigmoid(logits)


# Whose slope is right also where 1 − sigmoid(a) rounds to 0.
@tf.custom_gradient
def _sigmoid(a: Any) -> Any:
    return tf.sigmoid(a), lambda upstream: upstream * tf.sigmoid(a) * tf.sigmoid(-a)


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
    refuse_shapes(alike=True, logits=logits, x=x)
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
        ValueError: `x` holds something else, or the seed is not two integers.
    """
    return _flip(as_probabilities("x", x), _of_pixels(seed))


def _of_pixels(seed: Any) -> Any:
    return as_seed(seed) + PIXELS


# 16 random bits decide a pixel, so that one draw of 32 serves two.
@compiled
def _flip(x: Any, seed: Any) -> Any:
    half = [(tf.size(x) + 1) // 2]
    words = tf.random.stateless_uniform(half, seed, None, None, tf.uint32, alg=generator())
    bits = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[: tf.size(x)]
    return tf.cast(tf.cast(tf.reshape(bits, tf.shape(x)), tf.float32) < 2.0**16 * x, tf.float32)


@in_one_precision
def gaussian_log_likelihood(x: Any, mean: Any, variance: Any = 1.0) -> Any:
    """Compute log p(x|z) where each pixel is N(mean, variance), constant included.

    Args:
        x: images, shape `(batch, x_dim)`.
        mean: the means of the pixels, shape `(batch, x_dim)`.
        variance: σ², one number for all pixels; or one of each, shape `(batch, x_dim)`.

    Returns:
        The log-density of each example in nats, shape `(batch,)`.
    """
    if isinstance(variance, Real):
        between("variance", variance, 0)
    squares = tf.square(x - mean) / variance  # (batch, x_dim)
    scaled = 2.0 * math.pi * variance
    log_scaled = math.log(scaled) if isinstance(scaled, Real) else tf.math.log(scaled)
    return -0.5 * tf.reduce_sum(squares + log_scaled, axis=-1)  # (batch,)


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
    size = tf.maximum(tf.abs(logits), 1.0)  # (batch, x_dim)
    exact = 0.5 * size + tf.math.log1p(-tf.exp(-size)) - tf.math.log(size)
    squares = tf.minimum(tf.square(logits), 1.0)
    series = squares * polynomial(AREA, squares)
    log_area = tf.where(tf.abs(logits) < 1.0, series, exact)  # (batch, x_dim)
    return tf.reduce_sum((x - 0.5) * logits - log_area, axis=-1)  # (batch,)


@keras.saving.register_keras_serializable(package="vae_lib")
class Decoder(keras.layers.Layer):
    """The logits of every pixel: hidden layers, one linear output.

    Args:
        x_dim: number of pixels, or the shape of what it gives for one image.
        h_dim: width of the hidden layer, or of each of several, in order.
        activation: of the hidden layers, by the name that Keras has for it.
        seed: of the initial weights.
    """

    def __init__(
        self,
        x_dim: int | Sequence[int] = 784,
        h_dim: int | Sequence[int] = 128,
        activation: str = "elu",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.x_dim, self.h_dim, self.activation, self.seed = x_dim, h_dim, activation, seed
        common = {"kernel_initializer": he_normal(seed), "dtype": self.dtype_policy}
        hidden = [keras.layers.Dense(width, activation, **common) for width in several(h_dim)]
        self.hidden = hidden
        self.logits = keras.layers.Dense(math.prod(several(x_dim)), **common)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for latent vectors of shape `(batch, z_dim)`."""
        for layer in self.hidden:
            layer.build(input_shape)
            input_shape = (None, layer.units)
        self.logits.build(input_shape)

    def call(self, z: Any) -> Any:
        """From latent vectors `(batch, z_dim)` to logits `(batch, x_dim)`, or of that shape."""
        h = z  # (batch, z_dim)
        for layer in self.hidden:
            h = layer(h)  # (batch, width)
        logits = self.logits(h)  # (batch, x_dim)
        shape = several(self.x_dim)
        return logits if len(shape) == 1 else tf.reshape(logits, (-1, *shape))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this layer again."""
        mine = {"x_dim": self.x_dim, "h_dim": self.h_dim, "activation": self.activation}
        return {**super().get_config(), **mine, "seed": self.seed}


def start_at_mean(decoder: Any, x: Any) -> None:
    """Set a decoder's last bias so that training begins at the mean image, at z = 0.

    Of a decoder that ends in a convolution, it is the mean color. What the likelihood asks for
    besides logits stays as it was.

    Source: Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016, appendix C.

    Args:
        decoder: a network that ends in logits, and has been called or built.
        x: images in [0, 1], such as those to train on, shape `(n, *x_shape)`.

    Raises:
        ValueError: no bias of the decoder's is of that size.
    """
    if not hasattr(decoder, "weights"):
        raise ValueError(f"decoder was {shown(decoder)}; it may be a network that has been built")
    images = finite("x", x, "(n, *x_shape)")
    if images.ndim < 2 or not images.size or images.min() < 0 or images.max() > 1:
        raise ValueError(
            f"x had the shape {images.shape}; it may be images in [0, 1], (n, *x_shape)"
        )
    mean = images.mean(axis=0)  # x_shape
    colors = mean.shape[-1]
    biases = [weight for weight in decoder.weights if weight.name == "bias"]
    for means in (mean, mean.reshape(-1, colors).mean(axis=0)):
        if biases and (bias := biases[-1]).shape[0] % means.size == 0:
            p = np.clip(means, 1e-3, 1 - 1e-3)
            start = bias.numpy().reshape(*means.shape[:-1], -1)  # (…, colors · parameters)
            start[..., :colors] = np.log(p / (1 - p))
            bias.assign(start.ravel())
            return
    sizes = ", ".join(str(tuple(bias.shape)) for bias in biases) or "none"
    raise ValueError(
        f"decoder had biases of the shapes {sizes}, and x images of {mean.shape}; the last may "
        "have one number for each pixel or for each color"
    )


class Likelihood(keras.layers.Layer):
    """What the decoder's outputs say of an image: p(x|z), as an object.

    One of your own needs two methods, and a third to draw pictures with noise:

        class Laplace(Likelihood):
            def log_prob(self, x, logits):  # (batch, x_dim) twice -> (batch,)
                return -tf.reduce_sum(abs(x - tf.sigmoid(logits)) / 0.1 + math.log(0.2), axis=-1)

            def mean(self, logits):  # (batch, x_dim) -> (batch, x_dim)
                return tf.sigmoid(logits)

    Images and parameters arrive as rows, whatever their layout in the network is. Weights that
    it makes with `add_weight` are trained.

    Attributes:
        parameters: how many numbers the decoder gives for each pixel; each kind comes as an
            argument of its own. In the decoder's outputs they lie one after the other on the last
            axis: all of the first kind, then all of the second.
        bounded: whether pixels have to be from 0 to 1.
    """

    parameters = 1
    bounded = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.built = True  # there are no inputs whose shape it waits for

    def log_prob(self, x: Any, *parameters: Any) -> Any:
        """Compute log p(x|z) of each image in nats, `(batch,)`, from rows of pixels."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob(x, *parameters)")

    def mean(self, *parameters: Any) -> Any:
        """The mean image E[x|z], rows of pixels, `(batch, x_dim)`."""
        raise NotImplementedError(f"{type(self).__name__} has no mean(*parameters)")

    def sample(self, seed: Any, *parameters: Any) -> Any:
        """Draw an image from p(x|z), rows of pixels, `(batch, x_dim)`; `seed`: two integers."""
        raise NotImplementedError(f"{type(self).__name__} has no sample(seed, *parameters)")


@keras.saving.register_keras_serializable(package="vae_lib")
class Bernoulli(Likelihood):
    """Each pixel is a coin with probability sigmoid(logit)."""

    @in_one_precision
    def log_prob(self, x: Any, logits: Any) -> Any:
        """See `bernoulli_log_likelihood`."""
        return bernoulli_log_likelihood(x, logits)

    @in_one_precision
    def mean(self, logits: Any) -> Any:
        """See `pixel_mean`."""
        return pixel_mean(logits)

    @in_single_precision
    def sample(self, seed: Any, logits: Any) -> Any:
        """Flip each coin."""
        with naming("sigmoid(logits)"):
            return binarize(pixel_mean(logits), seed)


@keras.saving.register_keras_serializable(package="vae_lib")
class Gaussian(Likelihood):
    """Each pixel is N(sigmoid(logit), σ²), with one σ² for all pixels.

    Source of the learned one: Rybkin, Daniilidis and Levine, "Simple and Effective VAE Training
    with Calibrated Decoders", 2021, section 3.2.

    Args:
        variance: σ², or where training begins with it.
        learned: whether σ² is a weight, found together with the others.
    """

    bounded = False

    def __init__(self, variance: float = 1.0, learned: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.learned, self._variance = learned, between("variance", variance, 0)
        if learned:
            start = keras.initializers.Constant(math.log(self._variance))
            self.log_variance = self.add_weight(shape=(), initializer=start, name="log_variance")

    @property
    def variance(self) -> Any:
        """σ²: a number, or a tensor where it is learned."""
        return tf.exp(self.log_variance) + ROUNDING if self.learned else self._variance

    @in_one_precision
    def log_prob(self, x: Any, logits: Any) -> Any:
        """See `gaussian_log_likelihood`."""
        return gaussian_log_likelihood(x, pixel_mean(logits), self.variance)

    @in_one_precision
    def mean(self, logits: Any) -> Any:
        """See `pixel_mean`."""
        return pixel_mean(logits)

    @in_single_precision
    def sample(self, seed: Any, logits: Any) -> Any:
        """Add noise to the mean."""
        mean = pixel_mean(logits)
        return mean + self.variance**0.5 * standard_normal(tf.shape(mean), _of_pixels(seed))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this object again."""
        mine = {"variance": self._variance, "learned": self.learned}
        return {**super().get_config(), **mine}


@keras.saving.register_keras_serializable(package="vae_lib")
class PixelGaussian(Likelihood):
    """Each pixel is N(sigmoid(logit), σ²), where the decoder gives log σ² of each pixel.

    σ² is at least the variance of rounding to bytes: without a floor, a pixel that is the same in
    all images would make the likelihood infinite.
    """

    parameters = 2
    bounded = False

    @in_one_precision
    def log_prob(self, x: Any, logits: Any, log_variance: Any) -> Any:
        """See `gaussian_log_likelihood`; here each pixel has its own σ²."""
        return gaussian_log_likelihood(x, pixel_mean(logits), tf.exp(log_variance) + ROUNDING)

    @in_one_precision
    def mean(self, logits: Any, log_variance: Any) -> Any:
        """See `pixel_mean`."""
        return pixel_mean(logits)

    @in_single_precision
    def sample(self, seed: Any, logits: Any, log_variance: Any) -> Any:
        """Add noise to the mean."""
        noise = standard_normal(tf.shape(logits), _of_pixels(seed))
        return pixel_mean(logits) + tf.sqrt(tf.exp(log_variance) + ROUNDING) * noise


@keras.saving.register_keras_serializable(package="vae_lib")
class ContinuousBernoulli(Likelihood):
    """Each pixel has a density proportional to exp(x · logit) on [0, 1]."""

    @in_one_precision
    def log_prob(self, x: Any, logits: Any) -> Any:
        """See `continuous_bernoulli_log_likelihood`."""
        return continuous_bernoulli_log_likelihood(x, logits)

    @in_one_precision
    def mean(self, logits: Any) -> Any:
        """1 / (1 − exp(−logit)) − 1 / logit, and a series near 0, where that is ∞ − ∞."""
        size = tf.maximum(tf.abs(logits), 0.25)  # (batch, x_dim)
        exact = -1.0 / tf.math.expm1(-size) - 1.0 / size
        exact = tf.where(logits < 0, 1.0 - exact, exact)
        series = 0.5 + logits / 12.0 - logits**3 / 720.0
        return tf.where(tf.abs(logits) < 0.25, series, exact)  # (batch, x_dim)

    @in_single_precision
    def sample(self, seed: Any, logits: Any) -> Any:
        """Turn uniform numbers u into log(1 + u (exp(logit) − 1)) / logit."""
        u = _uniform(tf.shape(logits), _of_pixels(seed))  # (batch, x_dim)
        size = tf.maximum(tf.abs(logits), 1e-3)
        drawn = 1.0 + tf.math.log(u + (1.0 - u) * tf.exp(-size)) / size
        return tf.where(logits < 0, 1.0 - drawn, drawn)


@keras.saving.register_keras_serializable(package="vae_lib")
class DiscretizedLogistic(Likelihood):
    """Each pixel is one of 256 levels: a logistic variable, rounded to the nearest of them.

    A probability, not a density: its nats, divided by log 2 and by the number of pixels, are bits
    per dimension, which can be compared with published ones (`bits_per_dimension`).

    Source: Salimans et al., "PixelCNN++", 2017, section 2.1, with one component.
    """

    parameters = 2

    @in_one_precision
    def log_prob(self, x: Any, logits: Any, log_scale: Any) -> Any:
        """Sum log P(level) over the pixels; levels 0 and 1 take what lies beyond them, too."""
        level = tf.round(LEVELS * x) / LEVELS  # (batch, x_dim)
        scale = tf.exp(log_scale) + LEAST_SCALE  # (batch, x_dim)
        middle = pixel_mean(logits)  # (batch, x_dim)
        below = (level - 0.5 / LEVELS - middle) / scale
        above = (level + 0.5 / LEVELS - middle) / scale
        # log (F(above) − F(below)), which no difference of nearly equal numbers spoils
        inside = tf.math.log(-tf.math.expm1(-1.0 / LEVELS / scale))
        log_p = inside + tf.math.log_sigmoid(above) + tf.math.log_sigmoid(-below)
        log_p = tf.where(level <= 0, tf.math.log_sigmoid(above), log_p)
        log_p = tf.where(level >= 1, tf.math.log_sigmoid(-below), log_p)
        return tf.reduce_sum(log_p, axis=-1)  # (batch,)

    @in_one_precision
    def mean(self, logits: Any, log_scale: Any) -> Any:
        """E[x|z], but for half a level: 1 less the area below the distribution function."""
        scale = tf.exp(log_scale) + LEAST_SCALE
        middle = pixel_mean(logits)  # (batch, x_dim)
        area = tf.math.softplus((1.0 - middle) / scale) - tf.math.softplus(-middle / scale)
        return 1.0 - scale * area

    @in_single_precision
    def sample(self, seed: Any, logits: Any, log_scale: Any) -> Any:
        """Draw the logistic variable, and round it."""
        u = _uniform(tf.shape(logits), _of_pixels(seed))  # (batch, x_dim)
        scale = tf.exp(log_scale) + LEAST_SCALE
        drawn = pixel_mean(logits) + scale * (tf.math.log(u) - tf.math.log1p(-u))
        return tf.round(LEVELS * tf.clip_by_value(drawn, 0.0, 1.0)) / LEVELS


# Open at both ends, so that its logarithm is finite.
@compiled
def _uniform(shape: Any, seed: Any) -> Any:
    return tf.random.stateless_uniform(shape, seed, 2.0**-24, 1.0 - 2.0**-24, alg=generator())


LIKELIHOODS: dict[str, Callable[[], Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "learned_gaussian": lambda: Gaussian(variance=0.1, learned=True),
    "pixel_gaussian": PixelGaussian,
    "continuous_bernoulli": ContinuousBernoulli,
    "discretized_logistic": DiscretizedLogistic,
}
