"""What a model is good for: draw a class, fill in, find what is odd, sort, compress (chapter 11).

Sources: Sohn, Lee and Yan, "Learning Structured Output Representation using Deep Conditional
Generative Models", 2015, section 4.1; Rezende, Mohamed and Wierstra, "Stochastic Backpropagation",
2014, appendix F, for filling in by turns; Nalisnick et al., "Do Deep Generative Models Know What
They Don't Know?", 2019, and "Detecting Out-of-Distribution Inputs to Deep Generative Models Using
Typicality", 2019; Townsend, Bird and Barber, "Practical Lossless Compression with Latent Variables
Using Bits Back Coding", 2019.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_lib.data.images import as_images
from vae_lib.decoder import Bernoulli
from vae_lib.loss import kl_divergence
from vae_lib.model import VAE, check_plain
from vae_lib.reparameterization import reparameterize, standard_normal
from vae_lib.support.numbers import (
    array,
    class_numbers,
    finite,
    read,
    seed_of,
    shaped,
    shown,
    single,
    whole,
)
from vae_lib.support.xla import compiled, kept
from vae_lib.tensorflow_quietly import keras, tf

Array = NDArray[Any]
FITTING = 0.1  # the learning rate of `fit_to_seen`
AT_ONCE = 20_000  # draws that `draw_completions` decodes at a time
DRAWS = 4  # of z for each image, in a step of `fit_to_seen`
PENALTIES = np.logspace(-3, 5, 17)  # of `least_squares`, to choose from
STEP = 1 / 64  # of the grid of codes, between which bits-back coding chooses
REACH = 8.0  # the largest code on that grid


# Draw what I ask for


def with_class(x: ArrayLike, y: ArrayLike, classes: int = 10) -> NDArray[np.float32]:
    """Append to each image its class, as so many numbers, of which one is 1 and the others 0.

    Args:
        x: images, shape `(n, x_dim)`.
        y: their classes, whole numbers from 0, shape `(n,)`; or one for all.
        classes: how many there are.

    Returns:
        Shape `(n, x_dim + classes)`.

    Raises:
        ValueError: a class is not one of them, or x has another shape.
    """
    x = single("x", x, (None, None), "(n, x_dim)")
    return np.concatenate([x, _one_hot("y", y, len(x), classes)], axis=1)


def _one_hot(name: str, y: ArrayLike, n: int, classes: int) -> NDArray[np.float32]:
    """The classes of n examples, or one for all, as rows of zeros with a 1, `(n, classes)`."""
    most = whole("classes", classes, 1, 10_000)
    if np.ndim(given := array(name, y, f"({n},)", "whole numbers")) == 0:
        given = np.broadcast_to(given, n)
    return np.eye(most, dtype=np.float32)[class_numbers(name, given, n, most)]


@keras.saving.register_keras_serializable(package="vae_lib")
class ConditionalVAE(VAE):
    """p(x|z, y) and q(z|x, y): a variational autoencoder that is told the class of each image.

    An example is what `with_class` makes: pixels, then the class. The dense encoder sees all of
    it, the dense decoder sees z and the class, and the likelihood is that of the pixels alone. So
    `train`, `fit` and `restart` work as they do for a `VAE`.

    Source: Sohn, Lee and Yan, 2015, equation 4, with a prior that does not look at y, as in Kingma
    et al., "Semi-supervised Learning with Deep Generative Models", 2014, equation 6.

    Args:
        z_dim: dimension of the latent space.
        h_dim: width of the hidden layers, as of a `VAE`.
        x_dim: number of pixels.
        classes: how many there are.
        others: as of a `VAE`; networks of your own it does not take.
    """

    def __init__(
        self,
        z_dim: int | None = None,
        h_dim: int | Sequence[int] | None = None,
        x_dim: int = 784,
        *,
        classes: int = 10,
        **others: Any,
    ) -> None:
        for name in ("encoder", "decoder"):
            if name in others:
                raise ValueError(f"{name} was given; a ConditionalVAE has dense networks: leave it")
        self.__dict__["_classes"] = whole("classes", classes, 1)
        self.__dict__["_pixels"] = whole("x_dim", x_dim, 1)
        super().__init__(z_dim, h_dim, self.pixels + self.classes, **others)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.__dict__["_classes"])

    @property
    def pixels(self) -> int:
        """How many of an example's numbers are pixels."""
        return int(self.__dict__["_pixels"])

    @property
    def _outputs_shape(self) -> tuple[int, ...]:
        return (self.pixels * self.likelihood.parameters,)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights; the decoder takes z and the class."""
        self.encoder.build(input_shape)
        self.decoder.build((None, self.z_dim + self.classes))

    def checked_images(self, x: Any, bounded: bool = True) -> np.ndarray:
        """Examples as `with_class` makes them, float32 `(n, x_dim + classes)`.

        Raises:
            ValueError: they are others.
        """
        made = f"(n, {self.x_dim}), as with_class(x, y, classes={self.classes}) makes it"
        examples = array("x", x, made)
        if examples.ndim != 2 or examples.shape[1] != self.x_dim:
            raise ValueError(f"x had the shape {examples.shape}; it may be {made}")
        examples = super().checked_images(examples, bounded)
        told = examples[:, self.pixels :]  # (n, classes)
        if not (np.isin(told, (0, 1)).all() and (told.sum(axis=1) == 1).all()):
            raise ValueError(f"x had pixels in the place of its class; it may be {made}")
        return examples

    def logits_of(self, z: Any, x: Any) -> Any:
        """Decode latent vectors, `(n, z_dim)`, with the class that each of the examples has."""
        y = tf.cast(x[:, self.pixels :], z.dtype)  # (n, classes)
        return super().logits_of(tf.concat([z, y], axis=1), x)  # (n, x_dim)

    def log_likelihood(self, x: Any, logits: Any) -> Any:
        """Compute log p(x|z, y) of the pixels, in nats, `(batch,)`."""
        return super().log_likelihood(x[..., : self.pixels], logits)

    def decode(self, z: Any, y: Any = 0) -> Any:
        """The mean images E[x|z, y], shape `(n, x_dim)`.

        Args:
            z: latent vectors, shape `(n, z_dim)`.
            y: their classes, `(n,)`, or one for all.
        """
        z = single("z", z, (None, self.z_dim), "(n, z_dim)")
        logits = self.decoder(with_class(z, y, self.classes))  # (n, x_dim)
        return self.likelihood.mean(*self.parameters_in(logits))  # (n, x_dim)

    def sample(self, n: int, seed: int = 0) -> Any:
        """The mean images of `n` draws of the prior, each class in turn, shape `(n, x_dim)`."""
        z = standard_normal((whole("n", n, 1), self.z_dim), (seed_of(seed), 0))
        return self.decode(z, np.arange(n) % self.classes)

    def reconstruct(self, x: Any) -> Any:
        """The mean images of examples' mean codes and classes, shape `(n, x_dim)`."""
        return self.decode(self.encode(x)[0], np.asarray(x)[:, self.pixels :].argmax(axis=1))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this model again."""
        return {**super().get_config(), "x_dim": self.pixels, "classes": self.classes}


# Fill in what is missing


def fit_to_seen(
    model: VAE, x: ArrayLike, seen: ArrayLike, steps: int = 200, seed: int = 0
) -> tuple[Array, Array]:
    """Fit a Gaussian to p(z|seen pixels) of each image, by maximizing the bound of these pixels.

    The encoder cannot: it has never seen an image with a part missing. What is maximized is
    E[log p(seen pixels|z)] − KL(N(mean, diag exp(log_var)) ‖ N(0, I)), by Adam from the prior on.

    Source: Mattei and Frellsen, "MIWAE", 2019, section 2, for the bound.

    Args:
        model: a `VAE` with coins for pixels.
        x: images, shape `(n, x_dim)`; what is not seen is not looked at.
        seen: 1 where a pixel is seen, else 0, shape `(x_dim,)`.
        steps: of Adam.
        seed: of the draws.

    Returns:
        Means and log-variances, `(n, z_dim)` each.
    """
    x, seen = _with_mask(model, x, seen)
    steps, seed = whole("steps", steps, 1), seed_of(seed)
    shape = (len(x), model.z_dim)

    def compile_it() -> Any:
        return compiled(_fitting(model, shape)).get_concrete_function(
            tf.TensorSpec(x.shape), tf.TensorSpec(seen.shape), *2 * [tf.TensorSpec([], tf.int32)]
        )

    fit = kept(model, ("seen", x.shape), model.trainable_variables, compile_it)
    mean, log_var = fit(*map(tf.constant, (x, seen, steps, seed)))
    return mean.numpy(), log_var.numpy()


def _fitting(model: VAE, shape: tuple[int, int]) -> Any:
    """Adam on the Gaussians of all images at once."""

    def loss_of(code: Any, x: Any, seen: Any, seed: Any) -> Any:
        mean, log_var = code[0], code[1]  # (n, z_dim) each
        eps = standard_normal((DRAWS, *shape), seed)  # (draws, n, z_dim)
        z = tf.reshape(reparameterize(mean, log_var, eps), (-1, shape[1]))  # (draws · n, z_dim)
        nats = _coins(tf.tile(x, (DRAWS, 1)), model.decoder(z), seen)  # (draws · n,)
        return tf.reduce_sum(kl_divergence(mean, log_var)) - tf.reduce_sum(nats) / DRAWS

    def fit(x: Any, seen: Any, steps: Any, seed: Any) -> tuple[Any, Any]:
        code, step = tf.zeros((2, *shape)), 0
        slope, square = tf.zeros_like(code), tf.zeros_like(code)
        while step < steps:
            with tf.GradientTape() as tape:
                tape.watch(code)
                loss = loss_of(code, x, seen, tf.stack([seed, step]))
            gradient = tape.gradient(loss, code)
            step += 1
            slope, square = 0.9 * slope + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
            t = tf.cast(step, tf.float32)
            rate = FITTING * (1 - 0.9 * t / tf.cast(steps, tf.float32))  # falls to a tenth
            scaled = slope / (1 - 0.9**t) / (tf.sqrt(square / (1 - 0.99**t)) + 1e-8)
            code -= rate * scaled
        return code[0], code[1]

    return fit


def _coins(x: Any, logits: Any, mask: Any) -> Any:
    """Compute log p of the pixels under a mask, each of them a coin, in nats, `(batch,)`."""
    return tf.reduce_sum((x * logits - tf.nn.softplus(logits)) * mask, axis=-1)


def _with_mask(model: VAE, x: ArrayLike, seen: ArrayLike) -> tuple[Array, Array]:
    """Images as a model takes them, and a mask that fits."""
    images = as_images(x, _of_coins(model).x_shape)  # (n, x_dim)
    mask = array("seen", seen, f"{model.x_shape}").astype(np.float32)
    if mask.shape != model.x_shape or not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"seen had the shape {mask.shape}; it may be {model.x_shape}, 1 where a pixel is seen "
            "and 0 where it is hidden"
        )
    return images, mask


def _of_coins(model: VAE) -> VAE:
    """Return the model, or say why its images are not rows of coins, each by itself."""
    check_plain(model)
    if not isinstance(model.likelihood, Bernoulli) or len(model.x_shape) != 1:
        kind = type(model.likelihood).__name__
        raise ValueError(
            f"model had the likelihood {kind} and images of the shape {model.x_shape}; it may be a "
            'VAE with likelihood="bernoulli" and x_dim a number of pixels'
        )
    return model


class Completions(NamedTuple):
    """Draws of z for images of which a part is seen.

    Attributes:
        z: shape `(n, draws, z_dim)`.
        log_weight: log p(z, seen pixels) − log r(z), where r is what z was drawn from; in nats,
            `(n, draws)`.
        log_hidden: log p(hidden pixels|z), in nats, `(n, draws)`.
    """

    z: Array
    log_weight: Array
    log_hidden: Array


def draw_completions(
    model: VAE, x: ArrayLike, seen: ArrayLike, code: Any, n_samples: int, seed: int = 0
) -> Completions:
    """Draw codes, and weigh each by how well it explains what is seen.

    Args:
        model: a `VAE` with coins for pixels.
        x: images, shape `(n, x_dim)`; the hidden pixels count for `log_hidden` alone.
        seen: 1 where a pixel is seen, else 0, shape `(x_dim,)`.
        code: mean and log-variance of what is drawn from, `(n, z_dim)` each.
        n_samples: draws for each image.
        seed: of the draws.
    """
    x, seen = _with_mask(model, x, seen)
    n_samples = whole("n_samples", n_samples, 1)
    code = _pair_of_codes(code, (len(x), model.z_dim))
    mean, log_var = (tf.constant(each)[:, None] for each in code)  # (n, 1, z_dim)
    shape = (len(x), n_samples, model.z_dim)
    eps = standard_normal(shape, (seed_of(seed), 0))  # (n, draws, z_dim)
    z = reparameterize(mean, log_var, eps)
    ratio = 0.5 * tf.reduce_sum(eps**2 + log_var - z**2, axis=-1)  # log p(z) − log r(z)
    parts = []
    for rows in np.array_split(np.arange(len(x)), -(-len(x) * n_samples // AT_ONCE)):
        points = tf.reshape(z[rows[0] : rows[-1] + 1], (-1, model.z_dim))  # to save memory
        logits, images = model.decoder(points), np.repeat(x[rows], n_samples, axis=0)
        both = [_coins(images, logits, mask).numpy() for mask in (seen, 1 - seen)]
        parts.append(np.reshape(both, (2, len(rows), n_samples)))
    log_seen, log_hidden = np.concatenate(parts, axis=1)  # (n, draws) each
    return Completions(z.numpy(), log_seen + ratio.numpy(), log_hidden)


def _pair_of_codes(code: Any, shape: tuple[int, int]) -> list[Array]:
    """Check means and log-variances, one of each for each image."""
    form = f"a mean and a log-variance, {shape} each"
    pair = (
        [*code] if isinstance(code, list | tuple) else [*np.atleast_1d(array("code", code, form))]
    )
    if len(pair) != 2:
        raise ValueError(f"code was {shown(code)}; it may be {form}")
    return [single("code", each, shape, form) for each in pair]


def normalized(log_weight: ArrayLike) -> Array:
    """Turn log-weights into weights that sum up to 1 in each row, `(n, draws)`."""
    log_weight = array("log_weight", log_weight, "(..., draws)").astype(np.float64)
    if log_weight.ndim == 0 or not log_weight.size or not (log_weight.max(axis=-1) > -np.inf).all():
        raise ValueError(
            f"log_weight had the shape {log_weight.shape} and held {shown(log_weight)}; it may be "
            "(..., draws), in each row a number above minus infinity"
        )
    if log_weight.max() == np.inf:
        raise ValueError("log_weight held infinity; it may hold numbers, or minus infinity")
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


# Find what is odd


def auroc(odd: ArrayLike, usual: ArrayLike) -> float:
    """The probability that an odd image has a higher score than a usual one; a tie counts half.

    It is the area under the receiver operating characteristic. Source: Hanley and McNeil, "The
    Meaning and Use of the Area under a ROC Curve", 1982.

    Args:
        odd: scores of odd images, shape `(n,)`.
        usual: scores of usual ones, shape `(m,)`.

    Returns:
        1 where every odd image scores higher, ½ where scores say nothing.

    Raises:
        ValueError: there are none, or some are no finite numbers.
    """
    odd, usual = finite("odd", odd, "(n,)").ravel(), np.sort(finite("usual", usual, "(m,)").ravel())
    if not (odd.size and usual.size):
        raise ValueError("odd or usual had no scores; each may have one or more")
    below, at_most = (np.searchsorted(usual, odd, side) for side in ("left", "right"))  # (n,) each
    return float((below + at_most).mean() / (2 * len(usual)))


# Learn from a hundred labels


class LinearClassifier(NamedTuple):
    """Least squares from features to classes.

    Attributes:
        weights: shape `(features, classes)`.
        bias: shape `(classes,)`.
        penalty: on the squares of the weights, as it was chosen.
    """

    weights: Array
    bias: Array
    penalty: float

    def __call__(self, features: ArrayLike) -> Array:
        """The class that each row of features is nearest to, `(n,)`."""
        x = shaped("features", features, (None, len(self.weights)), "(n, features)")
        return np.asarray((x @ self.weights + self.bias).argmax(axis=1))


def least_squares(features: ArrayLike, labels: ArrayLike, classes: int = 10) -> LinearClassifier:
    """Fit a linear classifier in closed form: ridge regression on classes as zeros and ones.

    The penalty is the one of `PENALTIES` with the least error where each example is predicted from
    all others, which has a closed form, too.

    Source: Golub, Heath and Wahba, "Generalized Cross-Validation as a Method for Choosing a Good
    Ridge Parameter", 1979, section 1.

    Args:
        features: shape `(n, features)`.
        labels: whole numbers from 0, shape `(n,)`.
        classes: how many there are.
    """
    x = shaped("features", features, (None, None), "(n, features)")
    numbers = class_numbers("labels", labels, len(x), whole("classes", classes, 1, 10_000))
    targets = np.eye(classes)[numbers]  # (n, classes)
    middle, share = x.mean(axis=0), targets.mean(axis=0)
    u, s, vt = _svd(x - middle)  # (n, r), (r,), (r, features)
    parts, squares = u.T @ (targets - share), u**2  # (r, classes), (n, r)

    def left_out(penalty: float) -> float:
        shrink = s**2 / (s**2 + penalty)  # (r,)
        own = squares @ shrink + 1 / len(x)  # (n,), the diagonal of the hat matrix
        residual = targets - share - u @ (shrink[:, None] * parts)
        return float(np.mean((residual / np.maximum(1 - own, 1e-9)[:, None]) ** 2))

    penalty = float(min(PENALTIES, key=left_out))
    weights = vt.T @ ((s / (s**2 + penalty))[:, None] * parts)  # (features, classes)
    return LinearClassifier(weights, share - middle @ weights, penalty)


def _svd(x: Array) -> tuple[Array, Array, Array]:
    """The thin singular value decomposition, by way of the smaller of the two Gram matrices."""
    wide = x.shape[0] < x.shape[1]
    values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    kept_ones = values > values[-1] * 1e-10
    s, vectors = np.sqrt(values[kept_ones]), vectors[:, kept_ones]
    if wide:
        return vectors, s, (x.T @ vectors / s).T
    return x @ vectors / s, s, vectors.T


# Look at many


def same_class_share(
    codes: ArrayLike, labels: ArrayLike, among: ArrayLike, their: ArrayLike, count: int = 10
) -> float:
    """The share of the nearest others that have the same class: precision at `count`.

    Args:
        codes: what is searched with, shape `(n, features)`.
        labels: of these, shape `(n,)`.
        among: what is searched, shape `(m, features)`.
        their: labels, shape `(m,)`.
        count: how many neighbors are found for each.
    """
    among = shaped("among", among, (None, None), "(m, features)")
    which = neighbors(codes, among, count)  # (n, count)
    mine, others = _labels("labels", labels, len(which)), _labels("their", their, len(among))
    return float(np.mean(others[which] == mine[:, None]))


def _labels(name: str, given: Any, n: int) -> Array:
    """Check that there is one label for each of n: numbers or words, none of them missing."""
    wanted = f"it may be ({n},) numbers or words"
    labels = read(name, given, wanted)
    if labels.shape != (n,) or labels.dtype.kind not in "biufUS" or np.any(labels != labels):
        raise ValueError(f"{name} was {shown(given)}; {wanted}")
    return labels


def neighbors(codes: ArrayLike, among: ArrayLike, count: int = 10) -> Array:
    """Find the nearest others of each, by Euclidean distance, the nearest first, `(n, count)`.

    Args:
        codes: shape `(n, features)`.
        among: shape `(m, features)`.
        count: how many, at most m.
    """
    among = shaped("among", among, (None, None), "(m, features)")
    codes = shaped("codes", codes, (None, among.shape[1]), "(n, features)")
    count = whole("count", count, 1, len(among))
    lengths, found = (among**2).sum(axis=1), []  # (m,)
    for part in np.array_split(codes, -(-len(codes) // 500)):  # to save memory
        distance = lengths - 2 * part @ among.T  # (500, m), but for a constant in each row
        which = np.argpartition(distance, count - 1, axis=1)[:, :count]
        order = np.take_along_axis(distance, which, axis=1).argsort(axis=1)
        found.append(np.take_along_axis(which, order, axis=1))
    return np.concatenate(found)


# Compress


def _constriction() -> Any:
    """The package with the entropy coder, or a sentence that says what to install."""
    try:
        from constriction import stream
    except ImportError:
        raise ModuleNotFoundError(
            "vae_lib.uses.BitsBack needs constriction: pip install constriction",
            name="constriction",
        ) from None
    return stream


def _message(words: ArrayLike) -> NDArray[np.uint32]:
    """Return 32-bit words, the last of them not 0, or say what they may be."""
    found = array("words", words, "(words,)", "whole numbers")
    fits = found.ndim == 1 and found.size and found.dtype.kind in "iu" and found[-1] != 0
    if not (fits and 0 <= found.min() <= found.max() < 2**32):
        raise ValueError(f"words was {shown(words)}; it may be what `write` returned")
    return found.astype(np.uint32)


class BitsBack:
    """Code black-and-white images by a model, with bits back.

    To write an image: take z off the stack by q(z|x), put x onto it by p(x|z), put z onto it by
    p(z). To read it: take z off by p(z), x by p(x|z), and put back what writing took, z by q(z|x).
    z lies on a grid that is fine beside q. The bits that choose z are those of the z before: where
    codes lie as the prior says, they are random, and a message has the promised length. Both sides
    must compute the very same probabilities, so a message is read where it was written: another
    processor may round otherwise.

    Source: Townsend, Bird and Barber, 2019, section 2.4.

    Args:
        model: a `VAE` with coins for pixels.
        seed: of the bits that the stack begins with.
    """

    def __init__(self, model: VAE, seed: int = 0) -> None:
        self.model, self.seed = _of_coins(model), seed_of(seed)

    @property
    def start(self) -> NDArray[np.uint32]:
        """Random words for the first image to take its z from, `(z_dim,)`."""
        rng = np.random.default_rng(self.seed)
        return rng.integers(2**32, size=self.model.z_dim, dtype=np.uint32)

    def write(self, x: ArrayLike) -> NDArray[np.uint32]:
        """Write images of zeros and ones, `(n, x_dim)`, as one message of 32-bit words."""
        images = as_images(x, self.model.x_shape)
        if not np.isin(images, (0, 1)).all():
            raise ValueError("x held values between 0 and 1; it may hold zeros and ones")
        stack = _constriction().stack.AnsCoder(self.start, seal=True)
        pixels, codes = _families()
        for row in images:
            z = stack.decode(codes, *self._posterior(row))  # (z_dim,), whole numbers
            stack.encode_reverse(row.astype(np.int32), pixels, self._coins(z))
            stack.encode_reverse(z, codes, *self._prior())
        return np.asarray(stack.get_compressed(), np.uint32)

    def read(self, words: ArrayLike, count: int) -> NDArray[np.float32]:
        """Read so many images from a message, `(count, x_dim)`.

        Raises:
            ValueError: what is left is not what writing began with.
        """
        stack = _constriction().stack.AnsCoder(_message(words))
        pixels, codes = _families()
        images = []
        for _ in range(whole("count", count, 1)):
            z = stack.decode(codes, *self._prior())
            row = stack.decode(pixels, self._coins(z)).astype(np.float32)  # (x_dim,)
            stack.encode_reverse(z, codes, *self._posterior(row))
            images.append(row)
        if not np.array_equal(stack.get_compressed(), [*self.start, 1]):  # 1: the seal
            raise ValueError(
                f"words were not a message of {count} images by this model, with this seed, on "
                "this machine; they may be what its write returned"
            )
        return np.array(images[::-1])

    def _prior(self) -> tuple[Array, Array]:
        return np.zeros(self.model.z_dim), np.full(self.model.z_dim, 1 / STEP)

    def _posterior(self, row: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of q(z|x), in steps of the grid, `(z_dim,)` each."""
        mean, log_var = (each.numpy()[0].astype(float) for each in self._of_one("encoder", row))
        return np.clip(mean, -REACH, REACH) / STEP, np.exp(0.5 * log_var) / STEP

    def _coins(self, z: Array) -> Array:
        """The probability of each pixel, `(x_dim,)`, for a code in steps of the grid."""
        logits = self._of_one("decoder", z * STEP)
        return np.asarray(tf.sigmoid(logits)[0], np.float64)

    def _of_one(self, name: str, row: Array) -> Any:
        """What one of the model's networks makes of one row, by a graph that is kept on it."""
        network = getattr(self.model, name)

        def compile_it() -> Any:
            graph = compiled(lambda rows: network(rows))
            return graph.get_concrete_function(tf.TensorSpec((1, len(row))))

        weights = self.model.trainable_variables
        graph = kept(self.model, ("one", name), weights, compile_it)
        return graph(tf.constant(row[None], tf.float32))


def _families() -> tuple[Any, Any]:
    """What pixels and codes are coded by."""
    model = _constriction().model
    limit = round(REACH / STEP)
    return model.Bernoulli(perfect=False), model.QuantizedGaussian(-limit, limit)
