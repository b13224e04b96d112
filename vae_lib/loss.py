"""The number to be maximized, the ELBO, and its two parts (chapter 5).

Everything here is in nats, and per example: averages over a minibatch are taken by
who needs one number, `VAE.losses_of`.

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, equation 10 and
appendix B.
"""

import math
from typing import Any

from vae_lib.parameters import ObjectiveParameters, ParameterError, validated
from vae_lib.support.precision import in_one_precision, polynomial
from vae_lib.tensorflow_quietly import keras, tf

SERIES = [1 / math.factorial(k) for k in range(12, 1, -1)]  # of (exp(t) − 1 − t) / t²


@in_one_precision
def kl_divergence(mean: Any, log_var: Any) -> Any:
    """KL(N(mean, diag exp(log_var)) ‖ N(0, I)), in closed form.

    Args:
        mean: means, shape `(batch, z_dim)`.
        log_var: logarithms of the variances, shape `(batch, z_dim)`.

    Returns:
        The divergence of each example in nats, shape `(batch,)`; never negative.
    """
    return tf.reduce_sum(kl_per_dimension(mean, log_var), axis=-1)  # (batch,)


@in_one_precision
def kl_per_dimension(mean: Any, log_var: Any) -> Any:
    """What each latent dimension adds to `kl_divergence`, in nats, shape `(batch, z_dim)`.

    It is ½ (exp(log_var) + mean² − 1 − log_var), to the last digits near 0, too, where the terms
    of log_var cancel.
    """
    return 0.5 * (_above_tangent(log_var) + tf.square(mean))  # (batch, z_dim)


def _above_tangent(t: Any) -> Any:
    """Compute exp(t) − 1 − t, never negative; by its series where the terms would cancel."""
    near = tf.clip_by_value(t, -0.25, 0.25)
    series = tf.square(near) * polynomial(SERIES, near)
    return tf.where(tf.abs(t) < 0.25, series, tf.exp(t) - 1.0 - t)


@in_one_precision
def log_ratio(z: Any, mean: Any, log_var: Any) -> Any:
    """Compute log p(z) − log q(z|x), in nats; on average over draws of q, minus the KL term.

    Args:
        z: draws of q(z|x), shape `(..., z_dim)`.
        mean: means, of a shape that fits.
        log_var: logarithms of the variances, likewise.

    Returns:
        Shape `(...,)`.
    """
    squares = tf.square(z - mean) * tf.exp(-log_var)  # (..., z_dim); the constants cancel
    return 0.5 * tf.reduce_sum(squares + log_var - tf.square(z), axis=-1)  # (...,)


@in_one_precision
def elbo(log_likelihood: Any, kl: Any) -> Any:
    """The evidence lower bound on log p(x), from its two parts.

    Args:
        log_likelihood: log p(x|z) at a sample z of q(z|x), in nats, shape `(batch,)`.
        kl: KL(q(z|x) ‖ p(z)), in nats, shape `(batch,)`.

    Returns:
        An unbiased estimate of each example's bound in nats, shape `(batch,)`.
    """
    return log_likelihood - kl  # (batch,)


@keras.saving.register_keras_serializable(package="vae_lib")
class Objective:
    """What training minimizes in place of minus the ELBO: `model.compile(adam, loss=Objective(…))`.

    What is reported as reconstruction and KL stays what it is, unweighted.

    Sources: Higgins et al., "β-VAE", 2017, for β; Bowman et al., "Generating Sentences from a
    Continuous Space", 2016, section 3.1, for the warm-up; Kingma et al., "Improved Variational
    Inference with Inverse Autoregressive Flow", 2016, appendix C.8, for free bits; Burda, Grosse
    and Salakhutdinov, "Importance Weighted Autoencoders", 2016, equation 8.

    Args:
        beta: the weight of the KL term.
        warm_up: iterations over which that weight rises from 0, in a straight line.
        free_bits: nats that each latent dimension may cost, on average over the minibatch, without
            being charged more than them.
        n_samples: draws of z for each image.
        importance_weighted: minimize minus the importance-weighted bound of these draws, in which
            the parts have no weights of their own.

    Raises:
        ParameterError: an argument is not what it may be, or does not go with another.
    """

    def __init__(
        self,
        beta: float = 1.0,
        warm_up: int = 0,
        free_bits: float = 0.0,
        n_samples: int = 1,
        importance_weighted: bool = False,
    ) -> None:
        given = {"beta": beta, "warm_up": warm_up, "free_bits": free_bits, "n_samples": n_samples}
        given["importance_weighted"] = importance_weighted
        self._config = validated(given, ObjectiveParameters)
        plain = ObjectiveParameters(n_samples=n_samples, importance_weighted=True).model_dump()
        if importance_weighted and self._config != plain:
            raise ParameterError(
                "importance_weighted was True, with beta, warm_up or free_bits; the bound has no "
                "such parts: leave them out"
            )
        self.n_samples: int = self._config["n_samples"]
        self.warm_up: int = self._config["warm_up"]
        self.importance_weighted: bool = importance_weighted

    def weigh(self, z: Any, mean: Any, log_var: Any) -> tuple[Any, Any]:
        """What is between the draws of an importance-weighted bound and the decoder: nothing.

        Override this to change how gradients reach the encoder.

        Args:
            z: draws of q(z|x), shape `(batch, z_dim)`, or several for each image,
                `(batch, draws, z_dim)`.
            mean: means of q(z|x), of a shape that fits.
            log_var: its log-variances, likewise.

        Returns:
            The draws as the decoder takes them, and log p(z) − log q(z|x) of each, in nats,
            shape `(batch,)` or `(batch, draws)`.
        """
        return z, log_ratio(z, mean, log_var)

    def __call__(self, log_likelihood: Any, log_ratio: Any, kl: Any, step: Any) -> Any:
        """Compute the loss of a minibatch.

        Args:
            log_likelihood: log p(x|z) of each draw, in nats, shape `(batch, n_samples)`.
            log_ratio: log p(z) − log q(z|x) of each draw, in nats, shape `(batch, n_samples)`.
            kl: the KL term of each dimension, in nats, shape `(batch, z_dim)`.
            step: how many iterations have been taken.

        Returns:
            Shape `()`.
        """
        if self._config["importance_weighted"]:
            weights = log_likelihood + log_ratio  # (batch, n_samples)
            bound = tf.reduce_logsumexp(weights, axis=1) - math.log(self.n_samples)  # (batch,)
            return -tf.reduce_mean(bound)
        charged = tf.maximum(tf.reduce_mean(kl, axis=0), self._config["free_bits"])  # (z_dim,)
        return self.beta_at(step) * tf.reduce_sum(charged) - tf.reduce_mean(log_likelihood)

    def beta_at(self, step: Any) -> Any:
        """The weight of the KL term after so many iterations."""
        beta, warm_up = self._config["beta"], self._config["warm_up"]
        if not warm_up:
            return beta
        return beta * tf.minimum(1.0, tf.cast(step, tf.float32) / warm_up)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make this object again."""
        return dict(self._config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Objective":
        """Make the object again, as Keras asks for it."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"Objective({', '.join(f'{n}={v!r}' for n, v in self._config.items())})"
