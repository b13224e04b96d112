"""The number to be maximized, the ELBO, and its two parts (chapter 5).

Everything here is in nats, and per example: averages over a minibatch are taken by
who needs one number, `VAE.losses_of`.

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, equation 10 and
appendix B.
"""

from typing import Any

from vae_lib.support.precision import in_one_precision
from vae_lib.tensorflow_quietly import tf


@in_one_precision
def kl_divergence(mean: Any, log_var: Any) -> Any:
    """KL(N(mean, diag exp(log_var)) ‖ N(0, I)), in closed form.

    Args:
        mean: means, shape `(batch, z_dim)`.
        log_var: logarithms of the variances, shape `(batch, z_dim)`.

    Returns:
        The divergence of each example in nats, shape `(batch,)`; never negative.
    """
    per_dimension = 0.5 * (tf.exp(log_var) + tf.square(mean) - 1.0 - log_var)  # (batch, z_dim)
    return tf.reduce_sum(per_dimension, axis=-1)  # (batch,)


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
