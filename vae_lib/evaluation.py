"""How far the bound is from log p(x): exact, on a grid, or by draws (ch. 8).

Everything is in nats and per example; the linear model is computed in double precision.
Sources: Tipping and Bishop, "Probabilistic Principal Component Analysis", 1999, sections 3.1
and 3.2; Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016, equation 8.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_lib.model import VAE, images_of
from vae_lib.parameters import BoundParameters, validated
from vae_lib.reparameterization import reparameterize, standard_normal
from vae_lib.support.checkpoints import Checkpoints, digest
from vae_lib.support.numbers import between, refuse_beyond, shaped, shown, whole
from vae_lib.support.progress import SECONDS, progress_bar
from vae_lib.support.xla import GRAPHS, compiled, kept
from vae_lib.tensorflow_quietly import tf

Array = NDArray[Any]

# Draws, of all images together, in a call of the compiled graph: seconds, for a dense network.
AT_ONCE = 500_000
LARGEST = 1e100  # of a pixel: its square, summed up over images, is still a number


class LinearGaussian(NamedTuple):
    """The model p(z) = N(0, I), p(x|z) = N(W z + b, variance · I).

    Attributes:
        W: shape `(x_dim, z_dim)`.
        b: the mean of x, shape `(x_dim,)`.
        variance: σ², one positive number for all pixels.
    """

    W: Array
    b: Array
    variance: float


def _checked(linear: Any) -> LinearGaussian:
    """The model in double precision, or what is wrong with it."""
    if not isinstance(linear, LinearGaussian):
        raise ValueError(f"linear was {shown(linear)}; it may be a LinearGaussian")
    weights = shaped("linear.W", linear.W, (None, None), "(x_dim, z_dim)")
    b = shaped("linear.b", linear.b, (len(weights),), "(x_dim,)")
    return LinearGaussian(weights, b, between("linear.variance", linear.variance, 0))


def _inner(linear: LinearGaussian) -> Array:
    """M = WᵀW + σ²I, shape `(z_dim, z_dim)`."""
    return linear.W.T @ linear.W + linear.variance * np.eye(linear.W.shape[1])


def _images(x: ArrayLike, x_dim: int | None = None) -> Array:
    """Images in double precision, `(n, x_dim)`; refuse others, which would broadcast unnoticed."""
    form = "(n, x_dim), n from 1" if x_dim is None else f"(batch, {x_dim})"
    images = shaped("x", x, (None, x_dim), form)
    refuse_beyond(LARGEST, x=images)
    return images


def log_evidence(linear: LinearGaussian, x: ArrayLike) -> Array:
    """The exact log p(x) = log N(x; b, WWᵀ + σ²I) of images `(batch, x_dim)`, in nats, `(batch,)`.

    No matrix of x_dim² numbers is needed: the inverse and the determinant come from M.

    Raises:
        ValueError: x has another shape.
    """
    linear = _checked(linear)
    x_dim, z_dim = linear.W.shape
    centered = _images(x, x_dim) - linear.b  # (batch, x_dim)
    factor = np.linalg.cholesky(_inner(linear))  # (z_dim, z_dim), M = factor · factorᵀ
    explained = np.linalg.solve(factor, (centered @ linear.W).T)  # (z_dim, batch)
    squares = (np.sum(centered**2, axis=1) - np.sum(explained**2, axis=0)) / linear.variance
    log_det = (x_dim - z_dim) * np.log(linear.variance) + 2 * np.sum(np.log(np.diag(factor)))
    return np.asarray(-0.5 * (x_dim * np.log(2 * np.pi) + log_det + squares))  # (batch,)


def exact_posterior(linear: LinearGaussian, x: ArrayLike) -> tuple[Array, Array]:
    """The exact p(z|x) = N(M⁻¹Wᵀ(x − b), σ²M⁻¹) of images x, shape `(batch, x_dim)`.

    Returns:
        The means, shape `(batch, z_dim)`, and the covariance, which is the same for all
        images, shape `(z_dim, z_dim)`.

    Raises:
        ValueError: x has another shape.
    """
    linear = _checked(linear)
    centered = _images(x, len(linear.W)) - linear.b  # (batch, x_dim)
    inverse = np.linalg.inv(_inner(linear))  # (z_dim, z_dim)
    return centered @ linear.W @ inverse, linear.variance * inverse


def linear_elbo(linear: LinearGaussian, x: ArrayLike, mean: ArrayLike, covariance: Array) -> Array:
    """Compute the ELBO of a linear model for q(z|x) = N(mean, covariance), without draws.

    Args:
        linear: the linear model.
        x: images, shape `(batch, x_dim)`.
        mean: the means of q, shape `(batch, z_dim)`.
        covariance: that of q, the same for all images, shape `(z_dim, z_dim)`.

    Returns:
        The bound of each example in nats, shape `(batch,)`.

    Raises:
        ValueError: x has another shape.
    """
    linear = _checked(linear)
    x_dim, z_dim = linear.W.shape
    x = _images(x, x_dim)  # (batch, x_dim)
    mean = shaped("mean", mean, (len(x), z_dim), "(batch, z_dim)")
    covariance = shaped("covariance", covariance, (z_dim, z_dim), "(z_dim, z_dim)")
    sign, log_det = np.linalg.slogdet(covariance)
    if not (sign > 0 and np.allclose(covariance, covariance.T) and np.all(np.diag(covariance) > 0)):
        raise ValueError("covariance was none; it may be symmetric, with positive eigenvalues")
    residual = x - linear.b - mean @ linear.W.T  # (batch, x_dim)
    spread = np.sum((linear.W.T @ linear.W) * covariance)  # tr(W · covariance · Wᵀ)
    squares = (np.sum(residual**2, axis=1) + spread) / linear.variance  # (batch,)
    log_likelihood = -0.5 * (squares + x_dim * np.log(2 * np.pi * linear.variance))
    kl = 0.5 * (np.trace(covariance) + np.sum(mean**2, axis=1) - z_dim - log_det)
    return np.asarray(log_likelihood - kl)  # (batch,)


def fit_ppca(x: ArrayLike, z_dim: int, variance: float | None = None) -> LinearGaussian:
    """Find the linear model of the highest likelihood, in closed form.

    Args:
        x: images, shape `(n, x_dim)`.
        z_dim: latent dimensions, fewer than `x_dim`.
        variance: σ² where it is not to be fitted.

    Returns:
        The model. The columns of its W are orthogonal, the longest first, and those for
        which x varies by less than σ² are zero.

    Raises:
        ValueError: an argument is not what it may be.
    """
    x = _images(x)
    z_dim = whole("z_dim", z_dim, 1, x.shape[1] - 1)
    b = x.mean(axis=0)  # (x_dim,)
    values, vectors = np.linalg.eigh((x - b).T @ (x - b) / len(x))  # ascending
    values, vectors = values[::-1], vectors[:, ::-1]  # (x_dim,), (x_dim, x_dim)
    variance = _variance_of_noise(variance, values, z_dim, len(x))
    lengths = np.sqrt(np.maximum(values[:z_dim] - variance, 0))  # (z_dim,)
    return LinearGaussian(vectors[:, :z_dim] * lengths, b, variance)


def _variance_of_noise(given: Any, values: Array, z_dim: int, n: int) -> float:
    """The given σ², or what z_dim components leave of n images; refuse one that is no variance.

    Rounding leaves a little more or less than 0 where nothing is left.
    """
    least = values[0] * 1e-12
    if given is not None:
        variance = between("variance", given, 0)
        if variance <= least:
            raise ValueError(
                f"variance was {given!r}; it may be above {least:.2g}: rounding is not"
            )
        return variance
    variance = float(values[z_dim:].mean())
    if not least < variance:
        raise ValueError(
            f"x had {n} images, which vary in no more dimensions than z_dim, {z_dim}; they may "
            "vary in more, for these leave the variance: take more images, a smaller z_dim, or a "
            "variance of your own"
        )
    return variance


def log_joint(model: Any, x: Any, z: Any) -> Array:
    """Compute log p(x, z) = log p(x|z) + log p(z), for several latent vectors of each image.

    For z on a grid, its exponentials sum up to p(x): no draws are needed where z_dim is 1 or 2.

    Args:
        model: a `VAE`, or an object with its `encoder`, `decoder` and `log_likelihood`.
        x: images, shape `(batch, x_dim)`.
        z: latent vectors, as many for each image, shape `(batch, points, z_dim)`.

    Returns:
        In nats, shape `(batch, points)`.

    Raises:
        ValueError: an argument is not what it may be.
    """
    x = images_of(model, x)
    z_dim = model.z_dim if isinstance(model, VAE) else None
    z = shaped("z", z, (len(x), None, z_dim), f"({len(x)}, points, z_dim)")

    def of_one(image: Any, points: Any) -> Any:
        images = tf.repeat(image[None], len(points), axis=0)  # (points, *x_shape)
        return model.log_likelihood(images, _logits(model, points, images))

    def of_all(x: Any, z: Any) -> Any:  # one image after the other, to save memory
        return tf.map_fn(lambda pair: of_one(*pair), (x, z), fn_output_signature=x.dtype)

    def compile_it() -> Any:
        return compiled(of_all).get_concrete_function(
            tf.TensorSpec(x.shape), tf.TensorSpec(z.shape)
        )

    log_likelihood = kept(model, ("joint", x.shape, z.shape), _parts(model), compile_it)
    log_prior = -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=-1)  # (batch, points)
    joint: Array = log_likelihood(tf.constant(x), tf.constant(z, tf.float32)).numpy() + log_prior
    return joint


def importance_weighted_bound(
    model: Any,
    x: Any,
    n_samples: int,
    seed: int = 0,
    *,
    return_error: bool = False,
    checkpoint: str | Path | None = None,
) -> Any:
    """Estimate log (1/K) Σ p(x, z_k) / q(z_k|x) with draws z_k of q(z|x), K = `n_samples`.

    On average a lower bound of log p(x): the ELBO for K = 1, and no worse for a larger K.
    Memory is needed for a few copies of `x`, whatever K is. What is compiled is kept on the model,
    for each shape of `x`; changes of a VAE's methods are made known by `model.compile`.

    The standard error says how far the estimate is, by the chance of its draws, from the one with
    endlessly many: that of the mean of the weights, as a share of that mean. It is too small where
    q is so narrow that the weights have no finite variance (chapter 8). The average over images
    has the error √(Σ error²) / batch, as long as it is about these images; how much other images
    would change it, their standard deviation says.

    With a folder for a checkpoint, an evaluation that was stopped goes on where it was last saved,
    and ends with the same numbers. It may be started again with more draws.

    Args:
        model: a `VAE`, or an object with its `encoder`, `decoder` and `log_likelihood`.
        x: images, shape `(batch, x_dim)`.
        n_samples: K.
        seed: of the draws; draw k of all images has the noise `standard_normal(…, (seed, k))`.
        return_error: whether to return the standard errors, too. They say little where the weights
            have no finite variance, as those of networks rarely have (chapter 12).
        checkpoint: a folder that keeps how far it has come, of a `VAE`.

    Returns:
        The estimate for each example in nats, shape `(batch,)`; with `return_error` a pair, the
        estimates and their standard errors.

    Raises:
        ValueError: an argument is not what it may be, or the checkpoint is damaged or of another
            evaluation.
    """
    n_samples, seed = validated({"n_samples": n_samples, "seed": seed}, BoundParameters).values()
    if return_error and n_samples == 1:
        raise ValueError("n_samples was 1; with return_error it may be 2 or more")
    images = images_of(model, x)  # (batch, x_dim)
    weights = _Weights(model, images, seed)
    with ExitStack() as opened:
        saved = None
        if checkpoint is not None:
            identity = _identity(model, images, seed, checkpoint)
            saved = opened.enter_context(Checkpoints(checkpoint, identity, "evaluation"))
            weights.resume(saved.newest() or weights.arrays(), n_samples)
        bar = progress_bar(n_samples, initial=weights.drawn, unit="draw", lines=True, delay=SECONDS)
        with bar:
            while weights.drawn < n_samples:
                bar.update(weights.draw(n_samples))
                if saved:
                    saved.save(weights.drawn, weights.arrays())
    return (weights.bound(), weights.error()) if return_error else weights.bound()


def _identity(model: Any, images: Array, seed: int, folder: Any) -> dict[str, Any]:
    """What an evaluation is made of, but for the number of draws; refuse a model that has none."""
    if not isinstance(model, VAE):
        raise ValueError(
            f"checkpoint was {str(folder)!r}, for a {type(model).__name__}; it may be given for a "
            "VAE, whose weights tell one checkpoint from another"
        )
    return {
        "model": model.get_config(),
        "weights": digest(*model.get_weights()),
        "images": digest(images),
        "seed": seed,
    }


class _Weights:
    """The importance weights of images, summed up draw after draw.

    Attributes:
        drawn: how many draws of each image there are in the sums.
    """

    def __init__(self, model: Any, images: Array, seed: int) -> None:
        self._images, self._seed = tf.constant(images), tf.constant(seed)
        shape = tuple(images.shape)
        self._add = kept(model, ("weights", shape), _parts(model), lambda: _compile(model, shape))
        self.drawn = 0
        # The largest log-weight of each image; the sum of the weights, as multiples of that one;
        # and the sum of their squares. Shape (batch,) each.
        self._sums = tf.fill(shape[:1], tf.float32.min), tf.zeros(shape[:1]), tf.zeros(shape[:1])

    def draw(self, most: int) -> int:
        """Add draws, up to `most` of each image, for a few seconds; return how many."""
        stop = min(most, self.drawn + max(1, AT_ONCE // max(1, len(self._images))))
        span = tf.constant([self.drawn, stop])
        self._sums = self._add(self._images, self._sums, span, self._seed)
        before, self.drawn = self.drawn, stop
        return stop - before

    def bound(self) -> Array:
        """The logarithm of the mean weight of each image, `(batch,)`."""
        largest, total, _ = self._sums
        bound: Array = (largest + tf.math.log(total / tf.cast(self.drawn, tf.float32))).numpy()
        return bound

    def error(self) -> Array:
        """The standard error of `bound`, `(batch,)`."""
        _, total, squares = (part.numpy().astype(np.float64) for part in self._sums)
        excess = self.drawn * squares / total**2 - 1  # (batch,): the relative variance
        return np.asarray(np.sqrt(np.maximum(excess, 0) / (self.drawn - 1)))

    def arrays(self) -> dict[str, Array]:
        """The state, in arrays by name."""
        sums = {f"sum {i}": part.numpy() for i, part in enumerate(self._sums)}
        return {"drawn": np.array(self.drawn), **sums}

    def resume(self, arrays: dict[str, Array], most: int) -> None:
        """Go to a state that was saved.

        Raises:
            ValueError: it has more draws than are asked for.
        """
        self.drawn = int(arrays["drawn"])
        if self.drawn > most:
            raise ValueError(
                f"n_samples was {most}, and the checkpoint stands at {self.drawn}; it may be "
                "that, or more"
            )
        self._sums = tuple(tf.constant(arrays[f"sum {i}"]) for i in range(3))


def _parts(model: Any) -> list[Any]:
    """What of an object of unknown kind its bound is compiled of, and may be replaced: all."""
    if isinstance(model, VAE):
        return []
    return [part for name, part in vars(model).items() if name != GRAPHS]


def _logits(model: Any, z: Any, x: Any) -> Any:
    """Decode a latent vector of each image; a `VAE` may tell its decoder something of `x`."""
    logits = model.logits_of(z, x) if isinstance(model, VAE) else model.decoder(z)
    return tf.cast(logits, x.dtype)


def _compile(model: Any, shape: tuple[int, ...]) -> Callable[..., Any]:
    """Compile what adds some draws to the sums of images of one shape, into one graph."""

    @compiled
    def add(x: Any, sums: tuple[Any, Any, Any], span: Any, seed: Any) -> Any:
        # in single precision, whatever the layers compute in
        mean, log_var = (tf.cast(part, x.dtype) for part in model.encoder(x))  # (batch, z_dim)
        largest, total, squares = sums  # (batch,) each
        k, stop = span[0], span[1]
        while k < stop:
            eps = standard_normal(tf.shape(mean), (seed, k))  # (batch, z_dim)
            z = reparameterize(mean, log_var, eps)  # (batch, z_dim)
            # log p(z) − log q(z|x), where the constants cancel
            ratio = 0.5 * tf.reduce_sum(tf.square(eps) + log_var - tf.square(z), axis=-1)
            log_weight = model.log_likelihood(x, _logits(model, z, x)) + ratio  # (batch,)
            higher = tf.maximum(largest, log_weight)
            shrunk, weight = tf.exp(largest - higher), tf.exp(log_weight - higher)  # (batch,) each
            total = total * shrunk + weight
            squares = squares * shrunk**2 + weight**2
            largest, k = higher, k + 1
        return largest, total, squares

    sums = (tf.TensorSpec(shape[:1]),) * 3
    whole_numbers = tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int32)
    graph = add.get_concrete_function(tf.TensorSpec(shape), sums, *whole_numbers)
    return cast("Callable[..., Any]", graph)
