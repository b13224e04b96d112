"""More draws for each image: an objective, better gradients, and both sides of the truth (ch. 12).

Everything is in nats and per example. Sources: Burda, Grosse and Salakhutdinov, "Importance
Weighted Autoencoders", 2016, for the bound; Rainforth et al., "Tighter Variational Bounds are Not
Necessarily Better", 2018, for what it does to gradients; Tucker et al., "Doubly Reparameterized
Gradient Estimators for Monte Carlo Objectives", 2019, for the cure; Grosse, Ghahramani and Adams,
"Sandwiching the Marginal Likelihood Using Bidirectional Monte Carlo", 2015, for the other side.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_lib.evaluation import importance_weighted_bound, log_joint
from vae_lib.loss import Objective, log_ratio
from vae_lib.model import VAE, check_plain, images_of
from vae_lib.parameters import SampleParameters, validated
from vae_lib.reparameterization import standard_normal
from vae_lib.support.numbers import finite, shaped
from vae_lib.tensorflow_quietly import keras, tf

Array = NDArray[Any]


# The objective, with better gradients


@tf.custom_gradient
def _weighed_once_more(z: Any) -> Any:
    """Return z, and a 0 for each draw; the gradient of the second multiplies that of the first.

    Added to the log-weights, each 0 has for a gradient the draw's share of all weights, times what
    all draws have in common.
    """

    def gradient(of_z: Any, of_zero: Any) -> Any:
        common = tf.reduce_sum(of_zero, axis=-1, keepdims=True)  # (batch, 1)
        return of_z * tf.math.divide_no_nan(of_zero, common)[..., None]  # (batch, draws, z_dim)

    return (z, tf.zeros_like(z[..., 0])), gradient


@keras.saving.register_keras_serializable(package="vae_lib")
class DoublyReparameterized(Objective):
    """Minus the importance-weighted bound, whose gradient does not drown in noise.

    The value is that of `Objective(n_samples=…, importance_weighted=True)`, and so is the decoder's
    gradient. The encoder's is another estimate of the same: it comes by way of the draws alone,
    each weighed with the square of its share. With one draw it is the gradient without the score
    of Roeder, Wu and Duvenaud, 2017.

    Source: Tucker et al., 2019, section 3.

    Args:
        n_samples: draws of z for each image.

    Raises:
        ParameterError: n_samples is not what it may be.
    """

    def __init__(self, n_samples: int = 5) -> None:
        super().__init__(n_samples=n_samples, importance_weighted=True)

    def weigh(self, z: Any, mean: Any, log_var: Any) -> tuple[Any, Any]:
        """Let gradients pass through the draws, each weighed once more, and by no other way."""
        z, zero = _weighed_once_more(z) if self.n_samples > 1 else (z, 0.0)
        return z, zero + log_ratio(z, tf.stop_gradient(mean), tf.stop_gradient(log_var))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this object again."""
        return {"n_samples": self.n_samples}

    def __repr__(self) -> str:
        return f"DoublyReparameterized(n_samples={self.n_samples})"


# How much of a gradient is noise


def signal_to_noise(gradients: ArrayLike) -> float:
    """How long the mean of a gradient is, as a multiple of its standard deviation.

    The mean of M draws is longer than that of all draws: noise alone would make it 1/√M. That part
    is taken off, and 0 is returned where nothing is left.

    Source: Rainforth et al., 2018, section 3, for one weight; here for all together.

    Args:
        gradients: draws of a gradient, `(M, ...)`.

    Returns:
        √(|mean|² / total variance), where both are unbiased estimates.

    Raises:
        ValueError: there are fewer than two draws, or they are no finite numbers.
    """
    draws = finite("gradients", gradients, "(M, ...)")
    if draws.ndim < 2 or len(draws) < 2:
        raise ValueError(f"gradients had the shape {draws.shape}; it may be (M, ...), M from 2")
    noise = draws.var(axis=0, ddof=1).sum()  # the total variance
    signal = np.square(draws.mean(axis=0)).sum() - noise / len(draws)
    if noise == 0:
        return np.inf if signal > 0 else 0.0
    return float(np.sqrt(max(signal, 0) / noise))


# Both sides of the truth


def own_images(model: VAE, n: int, seed: int = 0) -> tuple[Array, Array]:
    """Draw z of the prior, and an image of each from p(x|z).

    Of such an image, its z is a draw of the exact posterior.

    Args:
        model: a `VAE`.
        n: how many.
        seed: of the draws.

    Returns:
        The images, `(n, *x_shape)`, and their z, `(n, z_dim)`.

    Raises:
        ValueError: an argument is not what it may be, or z alone does not say what p(x|z) is.
    """
    check_plain(model)
    n, seed = validated({"n": n, "seed": seed}, SampleParameters).values()
    z = standard_normal((n, model.z_dim), (seed, 0))  # (n, z_dim)
    parameters = model.parameters_in(tf.cast(model.decoder(z), tf.float32))
    x = model.likelihood.sample((seed, 1), *parameters)  # (n, x_dim)
    return np.reshape(x, (n, *model.x_shape)), z.numpy()


def sandwich(model: Any, x: Any, z: Any, n_samples: int, seed: int = 0) -> tuple[Array, Array]:
    """Bound log p(x) from below and from above, of images whose z is known.

    Each is on average what it is called: the lower one is `importance_weighted_bound`; the upper
    one has the weight of z among the others. It is valid only if z is a draw of the exact
    posterior, as for `own_images`.

    Source: Grosse, Ghahramani and Adams, 2015; here with importance sampling on both sides.

    Args:
        model: as `importance_weighted_bound` takes it.
        x: images that the model made, shape `(n, *x_shape)`.
        z: what it made them of, shape `(n, z_dim)`.
        n_samples: draws of q(z|x) for each image.
        seed: of the draws.

    Returns:
        The lower and the upper bound of each image in nats, shape `(n,)` each.

    Raises:
        ValueError: an argument is not what it may be.
    """
    lower = importance_weighted_bound(model, x, n_samples, seed)  # (n,)
    known = _log_weight(model, x, z)  # (n,)
    upper = np.logaddexp(lower + np.log(n_samples), known) - np.log(n_samples + 1)
    return lower, upper


def _log_weight(model: Any, x: Any, z: Any) -> Array:
    """Compute log p(x, z) − log q(z|x) for one given z of each image, in nats, `(n,)`."""
    images = images_of(model, x)
    z = shaped("z", z, (len(images), None), f"({len(images)}, z_dim)")
    mean, log_var = (np.asarray(part, np.float64) for part in model.encoder(tf.constant(images)))
    squares = np.square(z - mean) / np.exp(log_var) + log_var + np.log(2 * np.pi)  # (n, z_dim)
    return np.asarray(log_joint(model, images, z[:, None])[:, 0] + 0.5 * squares.sum(axis=1))
