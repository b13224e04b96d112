"""A sample that gradients can pass through (chapter 4).

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, section 2.4.
"""

from typing import Any

from vae_lib.tensorflow_quietly import tf


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

    Args:
        shape: the shape of the draw.
        seed: two integers.

    Returns:
        float32 draws of the given shape.
    """
    return _draw(tf.cast(shape, tf.int32), tf.cast(seed, tf.int64))


# Compiled by XLA wherever it is called from: XLA and TensorFlow's own kernels turn one
# seed into different numbers, and eager code, Keras's `fit` and `training.train` must
# draw the same ones. Of XLA's generators, threefry is the fastest on a CPU.
@tf.function(jit_compile=True)
def _draw(shape: Any, seed: Any) -> Any:
    return tf.random.stateless_normal(shape, seed, alg="threefry")
