"""Images of any size: a convolutional pair, images for it, and what to judge it by (chapter 10).

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

from vae_lib.data import Images, load_images, load_mnist
from vae_lib.support.initializer import he_normal
from vae_lib.support.numbers import (
    array,
    class_numbers,
    refuse_beyond,
    seed_of,
    several,
    shaped,
    shown,
    single,
    whole,
)
from vae_lib.tensorflow_quietly import keras, tf

Array = NDArray[Any]
HALVED = 8  # pixels of the shorter side from which an image is halved once more
SHAPES = ("square", "ellipse", "triangle")
DRAWN = 4000  # shapes in a set of them
LEAST_VARIANCE = 1e-6  # of a pixel; about what rounding to bytes leaves
PAIRS = 2**23  # of images, whose distances are held at once
LARGEST = 1e12  # of a pixel: its square, summed up over images, is still a number
PASSES = 6  # over the images, which leave 256 axes of shapes of 40×40 within 0.2 %


def halvings(height: int, width: int) -> list[tuple[int, int]]:
    """The sizes that an image goes through, each half of the one before, rounded up.

    Returns:
        Heights and widths, from the image's own to the smallest, two or more.
    """
    sizes = [(whole("height", height, 1, 4096), whole("width", width, 1, 4096))]
    while len(sizes) == 1 or min(sizes[-1]) >= HALVED:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def channels(steps: int, width: int) -> list[int]:
    """The channels of the convolutions: `width` at first, then twice as many, up to four times."""
    width = whole("width", width, 1, 10_000)
    return [width * min(2**step, 4) for step in range(whole("steps", steps, 0, 100))]


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
        numbers = channels(len(halvings(*self.x_shape[:2])) - 1, width)
        self.convolutions = [keras.layers.Conv2D(n, 4, **like) for n in numbers]
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
        deepest, *numbers = channels(len(self.sizes) - 1, width)[::-1]
        self.start = (*self.sizes[0], deepest)
        self.first = keras.layers.Dense(math.prod(self.start), activation="elu", **common)
        make = keras.layers.Conv2DTranspose
        self.convolutions = [make(n, 4, activation="elu", **like) for n in numbers]
        self.last = make(self.x_shape[2], 4, **like)

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
        layers = [*self.convolutions, self.last]
        for layer, (height, width) in zip(layers, self.sizes[1:], strict=True):
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
    n = whole("n", n, 1, 1_000_000)
    rng = np.random.default_rng(seed_of(seed))
    across, down = rng.uniform(0.3, 0.7, (2, n))
    sizes, angles, hues = rng.uniform(0.12, 0.2, n), rng.uniform(0, 1, n), rng.uniform(0, 1, n)
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
    factors = _checked(factors)
    middle = (np.arange(side) + 0.5) / side  # (side,)
    images = [_draw(one, middle) for one in zip(*factors, strict=True)]
    gray = np.array(images, np.float32)[..., None]  # (n, side, side, 1)
    if not color:
        return gray
    colors = [colorsys.hsv_to_rgb(hue, 0.75, 1.0) for hue in factors.hue]  # (n, 3)
    return np.asarray(gray * np.array(colors, np.float32)[:, None, None], np.float32)


def _checked(factors: Any) -> Factors:
    """Check that there is one number of each kind for each image, of shapes that there are."""
    if not isinstance(factors, Factors):
        raise ValueError(f"factors was {shown(factors)}; it may be what draw_factors returned")
    n = np.size(factors.shape)
    shapes = class_numbers("factors.shape", factors.shape, n, len(SHAPES))
    names = Factors._fields[1:]
    others = [shaped(f"factors.{name}", getattr(factors, name), (n,), "(n,)") for name in names]
    return Factors(shapes, *others)


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


# Images by name


def images_named(data: str, size: int = 0, color: str = "auto") -> Images:
    """Load images to train on: drawn shapes, handwritten digits, or the reader's own.

    Args:
        data: "shapes", "digits", or what `load_images` takes.
        size: pixels of a side; 0 for as they are. Digits may have 28, 14, 7 or 4.
        color: "auto", "gray" or "color".

    Returns:
        The images. Which are held out is the same for every seed of a training.

    Raises:
        DataError: there are none, or they are damaged.
        ValueError: the size does not fit.
    """
    colors = {"auto": None, "gray": False, "color": True}
    if not isinstance(color, str) or color not in colors:
        raise ValueError(f"color was {shown(color)}; it may be {', '.join(map(repr, colors))}")
    colored, size = colors[color], whole("size", size, 0, 4096)
    if size:
        whole("size", size, 4, 4096)
    if data == "shapes":
        if size == 0:
            size = 20
        shapes = draw_shapes(draw_factors(DRAWN), size, colored is not False)
        held_out = DRAWN // 10
        return _set("drawn shapes", shapes[held_out:], shapes[:held_out])
    if data == "digits":
        digits = load_mnist()
        train, test = (_scaled(x, size or 28) for x in (digits.x_train, digits.x_test))
        if colored:
            train, test = np.repeat(train, 3, axis=3), np.repeat(test, 3, axis=3)
        return _set(digits.name, train, test)
    return load_images(data, size=size or None, color=colored)


def _set(name: str, x_train: Array, x_test: Array) -> Images:
    names = tuple(map(str, range(len(x_test))))
    return Images(x_train, x_test, None, None, (), names, name)


def _scaled(digits: Array, side: int) -> Array:
    """Average the squares of pixels of which smaller digits are made, `(n, side, side, 1)`."""
    if side not in (28, 14, 7, 4):
        raise ValueError(f"size was {side}, of digits; it may be 28, 14, 7 or 4")
    times = 28 // side
    squares = digits.reshape(-1, side, times, side, times)
    return np.asarray(squares.mean(axis=(2, 4))[..., None])


# What to judge a model by


def bits_per_dimension(nats: Any, x_shape: Any) -> Any:
    """Turn minus the log-probability of images of bytes, in nats, into bits per pixel and color.

    It compares with published numbers where the likelihood is one of whole levels: of the book's,
    "discretized_logistic" is.
    """
    shape = several(x_shape) if isinstance(x_shape, int) else x_shape
    if not isinstance(shape, tuple | list) or not shape:
        raise ValueError(f"x_shape was {shown(x_shape)}; it may be a number of pixels, or a shape")
    x_dim = math.prod(whole("x_shape", n, 1) for n in shape)
    return array("nats", nats) / (x_dim * math.log(2))


def _two_sets(
    given: Any, others: Any, names: tuple[str, str] = ("x_train", "x")
) -> tuple[Array, Array]:
    """Check two sets of images of one shape, `(n, *x_shape)` and `(m, *x_shape)`."""
    first = array(names[0], given, "(n, *x_shape)")
    if first.ndim < 2:
        raise ValueError(f"{names[0]} had the shape {first.shape}; it may be (n, *x_shape)")
    shape = (None, *first.shape[1:])
    pair = (
        single(names[0], first, shape, "(n, *x_shape)"),
        single(names[1], others, shape, "(m, *x_shape)"),
    )
    refuse_beyond(LARGEST, **dict(zip(names, pair, strict=True)))
    return pair


def _check_likelihood(likelihood: Any) -> None:
    """Refuse what is no likelihood: its name, say."""
    needed = ("log_prob", "mean", "parameters", "bounded")
    if isinstance(likelihood, type) or not all(hasattr(likelihood, name) for name in needed):
        raise ValueError(
            f"likelihood was {shown(likelihood)}; it may be an object of the class Likelihood"
        )


def mean_image_loss(likelihood: Any, x_train: Array, x: Array) -> Array:
    """The loss of a model without a code, which answers every image with the mean image.

    The mean is that of the training images; so is the best scale, where the likelihood has one.

    Args:
        likelihood: an object of the class `Likelihood`.
        x_train: images, `(n, *x_shape)`.
        x: images, `(m, *x_shape)`.

    Returns:
        In nats, `(m,)`.
    """
    _check_likelihood(likelihood)
    x_train, x = _two_sets(x_train, x)
    some = x_train[:: -(-len(x_train) // 200)].reshape(-1, math.prod(x.shape[1:]))
    mean = (x_train.sum(axis=0).ravel() + 0.5) / (len(x_train) + 1)  # (x_dim,), never 0 or 1
    if getattr(likelihood, "learned", False):
        likelihood = type(likelihood)(variance=float(np.mean((some - mean) ** 2)) + LEAST_VARIANCE)
    if likelihood.parameters == 1:
        answers = [[_logits_of(likelihood, mean)]]
    else:
        logits = np.log(mean) - np.log1p(-mean)
        own = np.log(x_train.std(axis=0).ravel() + 0.01)  # (x_dim,)
        answers = [[logits, a * own + b] for a in (0, 1, 2) for b in np.linspace(-8, 2, 31)]

    def loss(rows: Array, answer: list[Array]) -> Array:
        parameters = [tf.cast(tf.broadcast_to(each, rows.shape), tf.float32) for each in answer]
        return np.asarray(-likelihood.log_prob(tf.constant(rows), *parameters))

    best = min(answers, key=lambda answer: float(loss(some, answer).mean()))
    return loss(x.reshape(len(x), -1), best)


def _logits_of(likelihood: Any, mean: Array) -> Array:
    """Find the logits whose mean image is given, `(x_dim,)`, by halving an interval."""
    low, high = np.full_like(mean, -2000), np.full_like(mean, 2000)
    for _ in range(50):
        middle = (low + high) / 2
        below = np.asarray(likelihood.mean(tf.constant(middle[None])))[0] < mean
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return middle


def pca_error(x_train: Array, x: Array, z_dim: int) -> Array:
    """The squared error that so many principal components leave, `(m,)`.

    Args:
        x_train: images to find the axes, `(n, *x_shape)`.
        x: images to describe by them, `(m, *x_shape)`.
        z_dim: number of components.
    """
    x_train, x = _two_sets(x_train, x)
    mean, axes, _ = _principal(x_train, z_dim)
    centered = x.reshape(len(x), -1) - mean  # (m, x_dim)
    return np.asarray(((centered - centered @ axes @ axes.T) ** 2).sum(axis=1))


def linear_loss(likelihood: Any, x_train: Array, x: Array, z_dim: int) -> Array:
    """Minus the exact log p(x) of the linear model, probabilistic PCA, in nats, `(m,)`.

    It is what a Gaussian likelihood has to beat, and the `log_evidence` of chapter 8, for images of
    any size: on the principal axes, the covariance is diagonal. Infinite where the likelihood is no
    density of unbounded pixels, since the two cannot be compared then.

    Args:
        likelihood: an object of the class `Likelihood`; the linear model has its noise, where that
            is fixed.
        x_train: images to fit it to, `(n, *x_shape)`.
        x: images, `(m, *x_shape)`.
        z_dim: its latent dimensions.
    """
    _check_likelihood(likelihood)
    x_train, x = _two_sets(x_train, x)
    whole("z_dim", z_dim, 1)
    if likelihood.bounded:
        return np.full(len(x), np.inf)
    mean, axes, spreads = _principal(x_train, z_dim)
    centered = x.reshape(len(x), -1) - mean  # (m, x_dim)
    codes = centered @ axes  # (m, z_dim)
    others = len(axes) - len(spreads)  # directions that it leaves to the noise
    if getattr(likelihood, "learned", True):
        left_over = x_train.var(axis=0, dtype=np.float64).sum() - spreads.sum()
        variance = max(left_over / max(others, 1), LEAST_VARIANCE)
    else:
        variance = likelihood.variance
    spreads = np.maximum(spreads, variance)
    log_det = np.log(spreads).sum() + others * np.log(variance)
    rest = (centered**2).sum(axis=1) - (codes**2).sum(axis=1)  # (m,)
    squares = (codes**2 / spreads).sum(axis=1) + rest / variance  # (m,)
    return np.asarray(0.5 * (len(axes) * np.log(2 * np.pi) + log_det + squares))


def _principal(x_train: Array, z_dim: int) -> tuple[Array, Array, Array]:
    """The mean image, `(x_dim,)`, the principal axes, `(x_dim, z_dim)`, and the variances on them.

    All images decide the axes, by block power iteration: Halko, Martinsson and Tropp, "Finding
    Structure with Randomness", 2011, algorithm 4.4. Ten axes more than needed speed it up.
    """
    z_dim = whole("z_dim", z_dim, 1)
    mean = x_train.mean(axis=0).ravel()  # (x_dim,)
    rows = x_train.reshape(len(x_train), -1) - mean  # (n, x_dim)
    k = min(z_dim + 10, *rows.shape)
    axes = np.random.default_rng(0).normal(size=(rows.shape[1], k)).astype(rows.dtype)
    for _ in range(PASSES):
        axes = np.linalg.qr(rows.T @ (rows @ axes))[0]  # (x_dim, k)
    codes = rows @ axes  # (n, k)
    spreads, turn = np.linalg.eigh(codes.T @ codes / len(rows))  # ascending
    return mean, axes @ turn[:, -z_dim:], spreads[-z_dim:]


def nearest(images: Array, among: Array) -> tuple[Array, Array]:
    """Find the nearest of other images, pixel by pixel.

    Args:
        images: `(n, *x_shape)`.
        among: `(m, *x_shape)`.

    Returns:
        Which it is, and the root of the squared error to it, `(n,)` each.
    """
    among, images = _two_sets(among, images, ("among", "images"))
    one, other = images.reshape(len(images), -1), among.reshape(len(among), -1)
    lengths, found = np.einsum("mi,mi->m", other, other), []  # (m,)
    for part in np.array_split(one, -(-len(one) * len(other) // PAIRS)):  # to save memory
        found.append((lengths - 2 * part @ other.T).argmin(axis=1))  # of (some, m)
    which = np.concatenate(found)
    return which, np.linalg.norm(one - other[which], axis=1)


MIRRORED = "(mirrored ones count, where a mirror image is as likely)"


class Facts(NamedTuple):
    """What is known of a training after it, and what `diagnose` judges by.

    Attributes:
        images: how many it was trained on.
        contrast: the standard deviation of all pixels.
        iterations: at which it was reported on, `(reports,)`.
        course: the held-out loss in these reports, in nats, `(reports,)`.
        seen: the loss of images that it was trained on, in nats.
        unseen: that of held-out images.
        error: the standard error of the difference of the two.
        mean_image: the held-out loss of the mean image.
        rates: the KL term of each dimension, in nats, `(z_dim,)`.
        active: number of active units.
        squared_error: that of reconstructions of held-out images, per image.
        pca: that of as many principal components.
        likeness: the median distance from a sample to the nearest training image, as a part of the
            median one from a held-out image.
        copies: the share of held-out images that are among those trained on, too.
        linear: the held-out loss of probabilistic PCA, where the likelihood is a Gaussian one.
        likelihood: its name.
        beta: the weight of the KL term.
    """

    images: int
    contrast: float
    iterations: Array
    course: Array
    seen: float
    unseen: float
    error: float
    mean_image: float
    rates: Array
    active: int
    squared_error: float
    pca: float
    likeness: float
    copies: float = 0.0
    linear: float = math.inf
    likelihood: str = "bernoulli"
    beta: float = 1.0

    @property
    def gained(self) -> float:
        """How far below the mean image the held-out loss is, in nats."""
        return self.mean_image - self.unseen

    @property
    def gap(self) -> float:
        """How much more held-out images cost than those trained on, in nats."""
        return self.unseen - self.seen

    @property
    def apart(self) -> str:
        """What `likeness` says, in words."""
        return (
            f"Samples are {self.likeness:.2f} times as far from the nearest training image as "
            "held-out images are"
        )


def diagnose(facts: Facts) -> list[str]:
    """Say what looks wrong with a training, and what to change, a sentence each.

    Small faults are said when there are no large ones: these come first to be mended. Where nothing
    looks wrong, that is the only sentence. No rule finds everything: look at the images.
    """
    course = (_too_short, _too_long, _by_heart)
    last = (_no_better_than_linear, _too_narrow, _unlike)
    for rules in ((_low_contrast,), (_few,), (_copied,), (_empty,), (_no_better,), course, last):
        if said := [sentence for rule in rules if (sentence := rule(facts))]:
            return said
    return [
        f"Nothing looks wrong: held-out images cost {facts.gained:,.1f} nats less than by the mean "
        f"image, {facts.gap:,.1f} nats of gap lie between them and images trained on, and "
        f"{facts.active} of {len(facts.rates)} dimensions are in use."
    ]


def _low_contrast(f: Facts) -> str | None:
    if f.contrast >= 0.03:
        return None
    return (
        f"The pixels hardly differ: their standard deviation is {f.contrast:.4f} on a scale from 0 "
        "to 1; multiply them, if they were divided twice, or cut off single values that are far "
        "above all others."
    )


def _few(f: Facts) -> str | None:
    if f.images >= 100:
        return None
    return (
        f"Trained on {f.images:,} images, no network learns more than these, and no number says "
        f"much; take some hundred at least, better some thousand {MIRRORED}."
    )


def _copied(f: Facts) -> str | None:
    if f.copies < 0.05:
        return None
    return (
        f"Of the held-out images, {f.copies:.0%} are copies of images trained on, so no loss says "
        "how new ones would do; take each image once."
    )


def _is_overfitted(f: Facts) -> bool:
    """Whether the gap is no matter of chance, and no small part of what was learned."""
    return f.gap > max(3 * f.error, 0.1 * (f.mean_image - f.seen))


def _no_better(f: Facts) -> str | None:
    once = f.mean_image - f.course.min() > 3 * f.error  # then it has gone on for too long
    if f.gained > 3 * f.error or once or _is_overfitted(f):
        return None
    said = "one picture for all costs no more"
    if f.gained > 0:
        said = f"so few images may differ by {3 * f.error:,.1f} nats by chance"
    return (
        f"Held-out images cost {f.unseen:,.1f} nats, and by the mean image {f.mean_image:,.1f}: "
        f"{said}; take more iterations than {f.iterations[-1]:,}, or a larger learning_rate."
    )


def _too_short(f: Facts) -> str | None:
    quarter = f.course[np.searchsorted(f.iterations, 0.75 * f.iterations[-1])]
    fall = quarter - f.course[-1]
    if not 0.05 * abs(f.gained) < fall or f.gained <= 3 * f.error:
        return None
    return (
        f"The held-out loss is still falling, by {fall:,.1f} nats in the last quarter of the "
        f"training; take iterations={2 * f.iterations[-1]}."
    )


def _too_long(f: Facts) -> str | None:
    best = f.course.argmin()
    risen = f.course[-1] - f.course[best]
    if risen > max(3 * f.error, 0.02 * abs(f.gained)):
        return (
            f"The held-out loss was lowest at iteration {f.iterations[best]:,}, and has risen by "
            f"{risen:,.1f} nats since: it learns its {f.images:,} images by heart; take "
            f"iterations={f.iterations[best]}, or more images."
        )
    if _is_overfitted(f):
        return (
            f"Held-out images cost {f.gap:,.1f} nats more than those trained on: {f.images:,} "
            f"images are few for this network; take more of them {MIRRORED}, or a smaller width."
        )
    return None


def _empty(f: Facts) -> str | None:
    if f.active and f.rates.sum() >= 0.1:
        return None
    remedy = "take more iterations, or another seed"
    if f.likelihood == "gaussian":
        remedy = (
            "take likelihood='learned_gaussian': with a standard deviation of 1, only what varies "
            "by more than that is worth a code"
        )
    if f.beta > 1:
        remedy = f"take a beta below {f.beta:g}"
    return (
        f"The code is empty: the KL term is {f.rates.sum():.2f} nats, {f.active} of {len(f.rates)} "
        f"dimensions are in use, and all reconstructions look alike; {remedy}."
    )


def _no_better_than_linear(f: Facts) -> str | None:
    if f.unseen <= f.linear:
        return None
    return (
        f"Held-out images cost {f.unseen:,.1f} nats, and by a linear model with as many dimensions "
        f"(probabilistic PCA) {f.linear:,.1f}; take more iterations, or a larger width."
    )


def _too_narrow(f: Facts) -> str | None:
    z_dim = len(f.rates)
    if f.active == z_dim and f.rates.min() > 1:
        return (
            f"Each of {z_dim} dimensions is in use, and the least of them carries "
            f"{f.rates.min():.1f} nats; take z_dim={2 * z_dim}."
        )
    if f.active and f.squared_error > f.pca:
        return (
            f"Reconstructions leave a squared error of {f.squared_error:,.2f} an image, and "
            f"{z_dim} principal components {f.pca:,.2f}; take more iterations, a larger width, "
            "or, where reconstructions are what counts, a beta below 1."
        )
    return None


def _unlike(f: Facts) -> str | None:
    if f.likeness <= 2:
        return None
    return (
        f"{f.apart}: the codes leave holes in the prior; take more iterations, a smaller z_dim, or "
        "a beta above 1."
    )


def _by_heart(f: Facts) -> str | None:
    if f.likeness >= 0.5:
        return None
    return (
        f"{f.apart}: they are nearly copies; take more than {f.images:,} images, or fewer "
        "iterations."
    )
