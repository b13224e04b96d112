"""How every weight matrix of the book starts."""

from typing import Any

from vae_lib.tensorflow_quietly import keras


def he_normal(seed: int) -> Any:
    """N(0, 2 / fan_in), not truncated; each matrix that is drawn from it is another one.

    Source: He et al., "Delving Deep into Rectifiers", 2015, equation 10.
    """
    return keras.initializers.VarianceScaling(
        scale=2.0,
        mode="fan_in",
        distribution="untruncated_normal",
        seed=keras.random.SeedGenerator(seed),
    )
