"""A sample that gradients can pass through (chapter 4).

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, section 2.4.
"""

import math
from typing import Any

from vae_lib.support.precision import in_one_precision
from vae_lib.support.xla import as_seed, compiled, generator
from vae_lib.tensorflow_quietly import tf

ABOVE_MINUS_1 = -1.0 + 2.0**-24  # the next float32: at -1 itself the draw would be minus infinity


@in_one_precision
def reparameterize(mean: Any, log_var: Any, eps: Any) -> Any:
    """Turn standard normal noise into a sample of N(mean, diag exp(log_var)).

    Args:
        mean: means, shape `(batch, z_dim)`.
        log_var: logarithms of the variances, shape `(batch, z_dim)`.
        eps: draws of N(0, I), shape `(batch, z_dim)`.

    Returns:
        z = mean + exp(½ log_var) · eps, shape `(batch, z_dim)`.
    """
    return mean + tf.exp(0.5 * log_var) * eps  # (batch, z_dim)


def standard_normal(shape: Any, seed: Any) -> Any:
    """Draw from N(0, I); equal seeds give equal draws.

    √2 erf⁻¹ turns a uniform number of (-1, 1) into a normal one. Of the 2²³ uniform numbers
    that single precision tells apart, the outermost become -5.4 and 5.2.

    Args:
        shape: the shape of the draw.
        seed: two integers.

    Returns:
        float32 draws of the given shape.

    Raises:
        ValueError: if the seed is not two integers.
    """
    return _draw(tf.cast(shape, tf.int32), as_seed(seed))


# Compiled by XLA wherever it is called from: XLA and TensorFlow's own kernels turn one
# seed into different numbers, and eager code, Keras's `fit` and `training.train` must
# draw the same ones. `tf.random.stateless_normal` takes four times as long there.
@compiled
def _draw(shape: Any, seed: Any) -> Any:
    uniform = tf.random.stateless_uniform(shape, seed, ABOVE_MINUS_1, 1.0, alg=generator())
    return math.sqrt(2.0) * tf.math.erfinv(uniform)
