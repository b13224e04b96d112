"""The sample z against SciPy's normal distribution; the noise against itself elsewhere."""

import numpy as np
import pytest
from scipy import stats

from vae_lib.decoder import binarize
from vae_lib.reparameterization import reparameterize, standard_normal
from vae_lib.tensorflow_quietly import tf

N = 20_000


def random_inputs(shape=(4, 3)):
    rng = np.random.default_rng(0)
    return rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape)


@pytest.mark.parametrize(("mean", "log_var"), [(0.0, 0.0), (1.5, -3.0), (-2.0, 1.0)])
def test_z_has_the_normal_distribution_with_that_mean_and_variance(mean, log_var):
    eps = standard_normal((N, 1), (1, 2))
    z = reparameterize(tf.fill((N, 1), mean), tf.fill((N, 1), log_var), eps).numpy().ravel()
    variance = np.exp(log_var)
    assert abs(z.mean() - mean) < 4 * np.sqrt(variance / N)
    assert abs(z.var() / variance - 1) < 4 * np.sqrt(2 / N)
    assert stats.kstest(z, stats.norm(mean, np.sqrt(variance)).cdf).pvalue > 0.01


def test_each_dimension_has_its_own_mean_and_variance():
    mean, log_var, eps = random_inputs()
    z = reparameterize(mean, log_var, eps)
    assert z.shape == mean.shape
    np.testing.assert_allclose(stats.norm.cdf(z, mean, np.exp(log_var) ** 0.5), stats.norm.cdf(eps))


def test_gradients_pass_through_the_sample(gradients):
    mean, log_var, eps = random_inputs()
    by_mean, by_log_var, by_eps = gradients(reparameterize, mean, log_var, eps)
    std = np.sqrt(np.exp(log_var))
    np.testing.assert_allclose(by_mean, np.ones_like(mean))
    np.testing.assert_allclose(by_log_var, 0.5 * std * eps)
    np.testing.assert_allclose(by_eps, std)


def test_draws_are_standard_normal_and_independent():
    eps = standard_normal((N, 2), (3, 4)).numpy()
    assert eps.dtype == np.float32
    assert stats.kstest(eps.ravel(), stats.norm.cdf).pvalue > 0.01
    assert abs(np.corrcoef(eps.T)[0, 1]) < 4 / np.sqrt(N)
    assert abs(np.corrcoef(eps[1:, 0], eps[:-1, 0])[0, 1]) < 4 / np.sqrt(N)


def test_the_outermost_draws_are_finite():
    eps = standard_normal((2**24,), (3, 4)).numpy()  # each of 2^23 values twice, on average
    assert -5.43 < eps.min() < -5
    assert 5 < eps.max() < 5.43


def test_equal_seeds_give_equal_draws_and_others_give_others():
    draws = [standard_normal((5, 2), seed).numpy() for seed in [(0, 1), (0, 1), (0, 2), (1, 1)]]
    np.testing.assert_array_equal(draws[0], draws[1])
    for i, j in [(0, 2), (0, 3), (2, 3)]:
        assert not np.isin(draws[i], draws[j]).any()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_draws_are_the_same_in_eager_code_in_a_graph_and_under_xla(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def compiled(mean, seed):
        return standard_normal(tf.shape(mean), seed)

    mean, seed = tf.zeros((64, 7)), tf.constant([5, 6], tf.uint32)
    np.testing.assert_array_equal(compiled(mean, seed), standard_normal((64, 7), (5, 6)))


@pytest.mark.parametrize("draw", [standard_normal, binarize])
@pytest.mark.parametrize("seed", [5, (1,), (1, 2, 3), (1.5, 2), ("a", "b"), None, [[1, 2]]])
def test_a_seed_is_two_integers(draw, seed):
    with pytest.raises(ValueError, match=r"seed was .*; it may be two integers"):
        draw(np.full((2, 3), 0.5) if draw is binarize else (2, 3), seed)


@pytest.mark.parametrize("seed", [[1, 2], np.array([1, 2], np.uint8), tf.constant([1, 2])])
def test_two_integers_of_any_kind_are_a_seed(seed):
    np.testing.assert_array_equal(standard_normal((2, 3), seed), standard_normal((2, 3), (1, 2)))
