"""The KL divergence and the bound against integrals, derivatives and exact solutions by SciPy."""

import numpy as np
from scipy import differentiate, integrate, stats

from vae_lib.loss import elbo, kl_divergence

MEAN = np.array([[0.0, 0.7, -2.0], [3.0, -0.1, 1.0]])
LOG_VAR = np.array([[0.0, -3.0, 1.5], [-1.0, 0.4, -6.0]])
PRIOR = stats.norm()


def kl_by_integration(mean, log_var, p=PRIOR):
    """The integral of q (log q − log p) over one dimension."""
    std = np.exp(log_var) ** 0.5
    q = stats.norm(mean, std)
    limits = mean - 12 * std, mean + 12 * std
    return integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), *limits)[0]


def kl_by_entropy(mean, log_var):
    """Cross-entropy minus entropy; for any shape."""
    variance = np.exp(log_var)
    cross_entropy = 0.5 * np.log(2 * np.pi) + 0.5 * (mean**2 + variance)
    return cross_entropy - stats.norm(mean, np.sqrt(variance)).entropy()


def test_kl_is_the_integral_summed_over_dimensions():
    kl = kl_divergence(MEAN, LOG_VAR)
    assert kl.shape == (2,)
    np.testing.assert_allclose(kl, np.vectorize(kl_by_integration)(MEAN, LOG_VAR).sum(axis=1))


def test_kl_is_cross_entropy_minus_entropy_at_the_size_of_the_book():
    rng = np.random.default_rng(0)
    mean, log_var = rng.normal(size=(2, 64, 100))
    expected = kl_by_entropy(mean, log_var).sum(axis=1)
    np.testing.assert_allclose(kl_divergence(mean, log_var), expected)
    single = kl_divergence(mean.astype("float32"), log_var.astype("float32"))
    np.testing.assert_allclose(single, expected, rtol=1e-5)


def test_kl_is_zero_at_the_prior_and_positive_elsewhere():
    zero = np.zeros((1, 4))
    assert kl_divergence(zero, zero) == 0
    for shift in (-1e-3, 1e-3):
        assert kl_divergence(zero + shift, zero) > 0
        assert kl_divergence(zero, zero + shift) > 0


def test_kl_gradients_are_the_derivatives_of_the_oracle(gradients):
    by_mean, by_log_var = gradients(kl_divergence, MEAN, LOG_VAR)
    numeric = differentiate.derivative(kl_by_entropy, MEAN, args=(LOG_VAR,)).df
    np.testing.assert_allclose(by_mean, numeric, rtol=1e-7, atol=1e-9)
    numeric = differentiate.derivative(lambda v, m: kl_by_entropy(m, v), LOG_VAR, args=(MEAN,)).df
    np.testing.assert_allclose(by_log_var, numeric, rtol=1e-7, atol=1e-9)


# A model with one pixel, x = 2 z + 0.5 noise, where log p(x) and p(z|x) are known exactly.
WEIGHT, NOISE, X = 2.0, 0.5, 1.3


def bound(mean, variance):
    """The ELBO for each of several q, its expectation taken by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    mean, variance = mean[:, np.newaxis], variance[:, np.newaxis]
    z = mean + np.sqrt(variance) * nodes
    log_likelihood = stats.norm.logpdf(X, WEIGHT * z, NOISE) @ weights / weights.sum()
    return elbo(log_likelihood, kl_divergence(mean, np.log(variance)))


LOG_P_X = stats.norm.logpdf(X, 0, np.sqrt(WEIGHT**2 + NOISE**2))
EXACT_VARIANCE = 1 / (1 + WEIGHT**2 / NOISE**2)
EXACT_MEAN = EXACT_VARIANCE * WEIGHT * X / NOISE**2


def test_the_elbo_reaches_log_p_x_at_the_exact_posterior():
    reached = bound(np.array([EXACT_MEAN]), np.array([EXACT_VARIANCE]))
    np.testing.assert_allclose(reached, [LOG_P_X], rtol=1e-10)


def test_the_elbo_of_each_example_falls_short_by_its_kl_to_the_exact_posterior():
    mean, variance = np.array([0.6, 0.0, 0.5]), np.array([0.2, 1.0, 0.01])
    exact = stats.norm(EXACT_MEAN, np.sqrt(EXACT_VARIANCE))
    gap = np.vectorize(kl_by_integration)(mean, np.log(variance), exact)
    assert (gap > 0).all()
    reached = bound(mean, variance)
    assert reached.shape == (3,)
    np.testing.assert_allclose(reached, LOG_P_X - gap, rtol=1e-6)
