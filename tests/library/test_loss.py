"""The KL divergence and the bounds against SciPy; what is minimized against numbers by hand."""

import numpy as np
import pytest
from scipy import differentiate, integrate, stats

from tests.helpers import refused
from vae_lib.loss import Objective, elbo, kl_divergence, kl_per_dimension, log_ratio
from vae_lib.parameters import ParameterError
from vae_lib.tensorflow_quietly import tf

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
    expected = np.vectorize(kl_by_integration)(MEAN, LOG_VAR)
    np.testing.assert_allclose(kl_per_dimension(MEAN, LOG_VAR), expected, atol=1e-12)
    np.testing.assert_allclose(kl, expected.sum(axis=1))


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


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-13), ("float32", 1e-6)])
def test_kl_keeps_its_digits_near_the_prior(dtype, error):
    log_var = np.array([[-0.2499], [-0.1], [0.1], [0.2499]], dtype)
    wanted = 0.5 * (np.expm1(np.float64(log_var)) - log_var)[:, 0]
    value = kl_divergence(np.zeros((4, 1), dtype), log_var)
    np.testing.assert_allclose(value, wanted, rtol=error)


def test_kl_has_a_gradient_however_small_the_variance(gradients):
    log_var = np.array([[-1e2], [-1e4], [-1e6]], np.float32)
    _, by_log_var = gradients(kl_divergence, np.zeros((3, 1), np.float32), log_var)
    np.testing.assert_allclose(by_log_var, np.full((3, 1), -0.5))


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


def ratio_by_scipy(z, mean, log_var):
    """log p(z) − log q(z|x) of each dimension."""
    return PRIOR.logpdf(z) - stats.norm(mean, np.exp(log_var) ** 0.5).logpdf(z)


def test_the_log_ratio_is_that_of_scipys_densities_summed_over_dimensions():
    z = np.random.default_rng(0).normal(size=(2, 7, 3))  # seven draws of each example
    mean, log_var = MEAN[:, np.newaxis], LOG_VAR[:, np.newaxis]
    ratio = log_ratio(z, mean, log_var)
    assert ratio.shape == (2, 7)
    np.testing.assert_allclose(ratio, ratio_by_scipy(z, mean, log_var).sum(axis=-1))


def test_gradients_of_the_log_ratio_are_the_derivatives_of_scipys(gradients):
    at = np.array([[0.3, -1.0, 0.5], [2.0, 0.1, 1.1]]), MEAN, LOG_VAR
    for i, by_one in enumerate(gradients(log_ratio, *at)):
        others = at[:i] + at[i + 1 :]
        numeric = differentiate.derivative(
            lambda a, *rest, i=i: ratio_by_scipy(*rest[:i], a, *rest[i:]), at[i], args=others
        ).df
        np.testing.assert_allclose(by_one, numeric, rtol=1e-6, atol=1e-8)


# Two images with three draws of z each, and a KL term of two dimensions: on average 0.2 and 3.
LIKELIHOODS = np.float32([[-10, -14, -12], [-20, -22, -27]])  # their mean is -17.5
RATIOS = np.float32([[0.5, -1, 2], [-3, 0.25, 1]])
KL = np.float32([[0.1, 2], [0.3, 4]])


def loss_after(step, **arguments):
    return float(Objective(**arguments)(LIKELIHOODS, RATIOS, KL, tf.constant(step)))


def test_an_objective_without_arguments_is_minus_the_elbo():
    assert loss_after(0) == pytest.approx(3.2 + 17.5)
    assert Objective().n_samples == 1
    assert (Objective().warm_up, Objective(warm_up=7).warm_up) == (0, 7)


def test_the_kl_term_has_a_weight_and_free_bits_on_average_over_the_minibatch():
    assert loss_after(7, beta=2.0, n_samples=3) == pytest.approx(2 * 3.2 + 17.5)
    assert loss_after(7, free_bits=0.25, n_samples=3) == pytest.approx(0.25 + 3 + 17.5)
    both = loss_after(4, beta=2.0, warm_up=10, free_bits=0.25, n_samples=3)
    assert both == pytest.approx(2 * 0.4 * (0.25 + 3) + 17.5)


def test_the_weight_rises_in_a_straight_line_and_stops():
    for beta in (0.5, 2.0):
        objective = Objective(beta=beta, warm_up=10)
        weights = [float(objective.beta_at(tf.constant(step))) for step in (0, 3, 9, 10, 25)]
        np.testing.assert_allclose(weights, np.multiply(beta, [0, 0.3, 0.9, 1, 1]), rtol=1e-6)
        assert Objective(beta=beta).beta_at(tf.constant(0)) == beta


def test_the_importance_weighted_objective_is_minus_the_logarithm_of_the_mean_weight():
    weights = np.log([[2, 6, 4], [1, 9, 5]])  # of mean 4, and 5
    objective = Objective(n_samples=3, importance_weighted=True)
    loss = objective((weights - 1000 - RATIOS).astype("float32"), RATIOS, KL, tf.constant(0))
    assert loss.shape == ()
    assert float(loss) == pytest.approx(1000 - np.log(4 * 5) / 2, abs=2e-4)


def test_draws_go_to_the_decoder_as_they_are_with_their_log_ratio():
    rng = np.random.default_rng(5)
    z, mean, log_var = (rng.normal(size=(4, n, 3)) for n in (6, 1, 1))
    passed, ratio = Objective().weigh(z, mean, log_var)
    log_q = stats.norm.logpdf(z, mean, np.exp(log_var / 2))
    np.testing.assert_array_equal(passed, z)
    np.testing.assert_allclose(ratio, (stats.norm.logpdf(z) - log_q).sum(-1), rtol=1e-6)
    assert Objective(importance_weighted=True).importance_weighted is True
    assert Objective(n_samples=2).importance_weighted is False


def test_an_objective_is_made_again_from_what_it_says():
    objective = Objective(beta=2.0, warm_up=10, free_bits=0.25, n_samples=3)
    said = "beta=2.0, warm_up=10, free_bits=0.25, n_samples=3, importance_weighted=False"
    assert repr(objective) == f"Objective({said})"
    assert repr(Objective.from_config(objective.get_config())) == repr(objective)


def test_the_weight_may_not_be_negative_and_a_bound_of_draws_has_none():
    with refused(ParameterError, "beta", -1, "at least 0"):
        Objective(beta=-1)
    with refused(ParameterError, "importance_weighted", "beta"):
        Objective(beta=2.0, importance_weighted=True)
