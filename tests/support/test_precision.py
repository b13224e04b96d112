"""Formulas take arrays of any kind, and say in which precision they are computed."""

import numpy as np
import pytest

from vae_lib.decoder import (
    bernoulli_log_likelihood,
    continuous_bernoulli_log_likelihood,
    gaussian_log_likelihood,
    pixel_mean,
)
from vae_lib.loss import elbo, kl_divergence
from vae_lib.reparameterization import reparameterize
from vae_lib.tensorflow_quietly import tf

FORMULAS = [
    (pixel_mean, 1),
    (bernoulli_log_likelihood, 2),
    (continuous_bernoulli_log_likelihood, 2),
    (gaussian_log_likelihood, 2),
    (kl_divergence, 2),
    (elbo, 2),
    (reparameterize, 3),
]
BITS = np.array([[0, 1, 1], [1, 0, 1]])  # (2, 3)
KINDS = {
    "single": lambda bits: bits.astype(np.float32),
    "half": lambda bits: bits.astype(np.float16),
    "bytes": lambda bits: bits.astype(np.uint8),
    "whole": lambda bits: bits,
    "truth": lambda bits: bits.astype(bool),
    "list": lambda bits: bits.astype(float).tolist(),
    "tensor": lambda bits: tf.constant(bits, tf.bfloat16),
}


@pytest.mark.parametrize(("formula", "count"), FORMULAS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", range(3))
def test_one_array_of_another_kind_gives_the_same_in_single_precision(formula, count, kind, place):
    place %= count
    doubles = [BITS.astype(np.float64)] * count
    mixed = [*doubles]
    mixed[place] = KINDS[kind](BITS)
    expected = formula(*doubles)
    assert expected.dtype == tf.float64
    given = formula(*mixed)
    assert given.dtype == tf.float32
    np.testing.assert_allclose(given, expected, rtol=1e-6)


@pytest.mark.parametrize("variance", [0.5, np.float32(0.5), np.float64(0.5), 2])
def test_a_plain_number_stays_one_also_in_a_graph(variance):
    x, mean = tf.ones((2, 3)), tf.zeros((2, 3))
    eager = gaussian_log_likelihood(x, mean, variance=variance)
    graph = tf.function(lambda x, mean: gaussian_log_likelihood(x, mean, variance))(x, mean)
    assert eager.dtype == tf.float32
    np.testing.assert_allclose(graph, eager, rtol=1e-6)
