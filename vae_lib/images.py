"""Images of any size: a convolutional encoder and decoder, and images to try them on (chapter 10).

Sources: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998, section
II.A, for what convolution assumes; Dumoulin and Visin, "A Guide to Convolution Arithmetic for Deep
Learning", 2016, chapter 4, for the way back; Matthey et al., "dSprites", 2017, for images whose
factors are known.
"""

import colorsys
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_lib.support.initializer import he_normal
from vae_lib.support.numbers import several, whole
from vae_lib.tensorflow_quietly import keras, tf

SMALLEST = 8  # pixels of the shorter side at which no convolution halves it again
SHAPES = ("square", "ellipse", "triangle")


def halvings(height: int, width: int) -> list[tuple[int, int]]:
    """The sizes that an image goes through, each half of the one before, rounded up.

    Returns:
        Heights and widths, from the image's own to the smallest.
    """
    sizes = [(height, width)]
    while min(sizes[-1]) > SMALLEST:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def channels(steps: int, width: int) -> list[int]:
    """The channels of the convolutions: `width` at first, then twice as many, up to four times."""
    return [width * min(2**step, 4) for step in range(steps)]


@keras.saving.register_keras_serializable(package="vae_lib")
class ConvEncoder(keras.layers.Layer):
    """q(z|x) = N(mean, diag exp(log_var)) by convolutions that halve the image, and two heads.

    Args:
        z_dim: dimension of the latent space.
        x_shape: height, width and colors of an image.
        width: channels of the first convolution.
        seed: of the initial weights.
    """

    def __init__(
        self, z_dim: int, x_shape: tuple[int, ...], width: int = 32, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.z_dim, self.x_shape, self.width, self.seed = z_dim, _shape(x_shape), width, seed
        common = {"kernel_initializer": he_normal(seed), "dtype": self.dtype_policy}
        like = {"strides": 2, "padding": "same", "activation": "elu", **common}
        steps = max(1, len(halvings(*self.x_shape[:2])) - 1)
        self.convolutions = [keras.layers.Conv2D(n, 4, **like) for n in channels(steps, width)]
        self.mean = keras.layers.Dense(z_dim, **common)
        self.log_var = keras.layers.Dense(z_dim, **common)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape `(batch, *x_shape)`."""
        shape = (None, *self.x_shape)
        for layer in self.convolutions:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.mean.build((None, math.prod(shape[1:])))
        self.log_var.build((None, math.prod(shape[1:])))

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """What it takes, as Keras says it of its models."""
        return (None, *self.x_shape)

    def call(self, x: Any) -> tuple[Any, Any]:
        """From images `(batch, *x_shape)` to mean and log-variance, `(batch, z_dim)` each."""
        h = tf.reshape(x, (-1, *self.x_shape))  # (batch, height, width, colors)
        for layer in self.convolutions:
            h = layer(h)  # (batch, height / 2, width / 2, channels)
        h = tf.reshape(h, (-1, math.prod(h.shape[1:])))  # (batch, features)
        return self.mean(h), self.log_var(h)  # (batch, z_dim), (batch, z_dim)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this layer again."""
        mine = {"z_dim": self.z_dim, "x_shape": self.x_shape, "width": self.width}
        return {**super().get_config(), **mine, "seed": self.seed}


@keras.saving.register_keras_serializable(package="vae_lib")
class ConvDecoder(keras.layers.Layer):
    """The likelihood's parameters of every pixel, by convolutions that double the image.

    Args:
        z_dim: dimension of the latent space.
        x_shape: height, width and numbers of each pixel that it gives.
        width: channels of the last convolution but one.
        seed: of the initial weights.
    """

    def __init__(
        self, z_dim: int, x_shape: tuple[int, ...], width: int = 32, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.z_dim, self.x_shape, self.width, self.seed = z_dim, _shape(x_shape), width, seed
        common = {"kernel_initializer": he_normal(seed), "dtype": self.dtype_policy}
        like = {"strides": 2, "padding": "same", **common}
        self.sizes = halvings(*self.x_shape[:2])[::-1]  # the smallest first
        steps = len(self.sizes) - 1
        numbers = channels(steps, width)[::-1]
        self.start = (*self.sizes[0], (numbers or [width])[0])
        self.first = keras.layers.Dense(math.prod(self.start), activation="elu", **common)
        make = keras.layers.Conv2DTranspose
        self.convolutions = [make(n, 4, activation="elu", **like) for n in numbers[1:]]
        self.last = make(self.x_shape[2], 4, **like | {"strides": 2 if steps else 1})

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for latent vectors of shape `(batch, z_dim)`."""
        self.first.build((None, self.z_dim))
        depth = self.start[2]
        for layer in [*self.convolutions, self.last]:
            layer.build((None, None, None, depth))
            depth = layer.filters

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """What it takes, as Keras says it of its models."""
        return (None, self.z_dim)

    def call(self, z: Any) -> Any:
        """From latent vectors `(batch, z_dim)` to parameters `(batch, *x_shape)`."""
        h = tf.reshape(self.first(z), (-1, *self.start))  # (batch, height, width, channels)
        for layer, (height, width) in zip(
            [*self.convolutions, self.last], self.sizes[1:] or self.sizes, strict=True
        ):
            h = layer(h)[:, :height, :width]  # twice the size, less what was rounded up
        return h  # (batch, *x_shape)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this layer again."""
        mine = {"z_dim": self.z_dim, "x_shape": self.x_shape, "width": self.width}
        return {**super().get_config(), **mine, "seed": self.seed}


def _shape(given: Any) -> tuple[int, int, int]:
    """Check the shape of an image.

    Raises:
        ValueError: it is not height, width and colors.
    """
    shape = several(given) if isinstance(given, int) else tuple(given)
    if len(shape) != 3:
        raise ValueError(
            f"x_shape was {given!r}; it may be height, width and colors, such as (28, 28, 1)"
        )
    height, width, colors = (
        whole("x_shape", n, low, 4096) for n, low in zip(shape, (4, 4, 1), strict=True)
    )
    return height, width, colors


class Factors(NamedTuple):
    """What images were drawn from, one number for each, `(n,)`.

    Attributes:
        shape: 0, 1 or 2, of `SHAPES`.
        size: half the side, as a part of the image's.
        angle: in turns, from 0 to 1.
        across: of the middle, from 0, the left edge, to 1.
        down: of the middle, from 0, the upper edge, to 1.
        hue: from 0 to 1; of gray images it is not seen.
    """

    shape: NDArray[np.int64]
    size: NDArray[np.float64]
    angle: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    hue: NDArray[np.float64]


def draw_factors(n: int, seed: int = 0) -> Factors:
    """Draw factors of n images, each independently of the others.

    Raises:
        ValueError: `n` is not what it may be.
    """
    n = whole("n", n, 1)
    rng = np.random.default_rng(whole("seed", seed, 0))
    across, down = rng.uniform(0.3, 0.7, (2, n))
    sizes, angles, hues = rng.uniform(0.12, 0.25, n), rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    return Factors(rng.integers(0, len(SHAPES), n), sizes, angles, across, down, hues)


def draw_shapes(factors: Factors, side: int = 32, color: bool = True) -> NDArray[np.float32]:
    """Draw a square, an ellipse or a triangle in each image, with smooth edges.

    Args:
        factors: what to draw.
        side: pixels of a side.
        color: whether in color on black, or white on black.

    Returns:
        Images in [0, 1], `(n, side, side, 3)`, or `(n, side, side, 1)`.

    Raises:
        ValueError: `side` is not what it may be.
    """
    side = whole("side", side, 4, 4096)
    middle = (np.arange(side) + 0.5) / side  # (side,)
    images = [_draw(one, middle) for one in zip(*factors, strict=True)]
    gray = np.array(images, np.float32)[..., None]  # (n, side, side, 1)
    if not color:
        return gray
    colors = [colorsys.hsv_to_rgb(hue, 0.75, 1.0) for hue in factors.hue]  # (n, 3)
    return np.asarray(gray * np.array(colors, np.float32)[:, None, None], np.float32)


def _draw(one: tuple[Any, ...], middle: NDArray[Any]) -> NDArray[Any]:
    """Cover pixels by how far inside of the shape their middle is, `(side, side)`."""
    shape, size, angle, across, down, _ = one
    x, y = middle[None, :] - across, middle[:, None] - down  # (1, side), (side, 1)
    turn = 2 * np.pi * angle
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    if SHAPES[shape] == "square":
        outside = np.maximum(abs(u), abs(v)) - size
    elif SHAPES[shape] == "ellipse":
        outside = np.hypot(u, v / 0.55) - 1.1 * size
    else:
        slanted = 0.5 * v + math.sqrt(0.75) * abs(u)
        outside = np.maximum(-v, slanted) - 0.65 * size
    return np.asarray(np.clip(0.5 - outside * len(middle), 0, 1))  # a pixel wide from 0 to 1
