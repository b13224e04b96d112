"""The linear model against SciPy and quadrature; the weighted bound against the exact evidence."""

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from tests.helpers import Stopped, refused, stop_at_checkpoint
from vae_lib.decoder import gaussian_log_likelihood, pixel_mean
from vae_lib.evaluation import (
    LinearGaussian,
    exact_posterior,
    fit_ppca,
    importance_weighted_bound,
    linear_elbo,
    log_evidence,
    log_joint,
)
from vae_lib.model import VAE
from vae_lib.parameters import ParameterError
from vae_lib.reparameterization import standard_normal
from vae_lib.tensorflow_quietly import tf

RNG = np.random.default_rng(0)


def linear_model(x_dim=7, z_dim=3, variance=0.3, seed=1):
    rng = np.random.default_rng(seed)
    return LinearGaussian(rng.normal(size=(x_dim, z_dim)), rng.normal(size=x_dim), variance)


def joint(model):
    """The mean and the covariance of (z, x) together."""
    x_dim, z_dim = model.W.shape
    top = np.hstack([np.eye(z_dim), model.W.T])
    bottom = np.hstack([model.W, model.W @ model.W.T + model.variance * np.eye(x_dim)])
    return np.concatenate([np.zeros(z_dim), model.b]), np.vstack([top, bottom])


def log_joint_by_scipy(model, x, z):
    noise = stats.norm(0, np.sqrt(model.variance))
    return noise.logpdf(x - model.b - model.W @ z).sum() + stats.norm.logpdf(z).sum()


# The exact evidence and posterior


@pytest.mark.parametrize("variance", [1e-3, 0.3, 50.0])
@pytest.mark.parametrize("z_dim", [1, 3, 6])
def test_the_evidence_is_the_density_of_the_marginal(z_dim, variance):
    model, x = linear_model(z_dim=z_dim, variance=variance), RNG.normal(size=(5, 7))
    mean, covariance = joint(model)
    marginal = stats.multivariate_normal(mean[z_dim:], covariance[z_dim:, z_dim:])
    np.testing.assert_allclose(log_evidence(model, x), marginal.logpdf(x), rtol=1e-9)


def test_the_evidence_is_the_integral_over_two_latent_dimensions():
    model, x = linear_model(x_dim=3, z_dim=2), np.array([0.4, -1.0, 2.0])
    side = np.linspace(-9, 9, 401)
    z = np.stack(np.meshgrid(side, side), axis=-1)
    density = stats.norm.pdf(z).prod(axis=-1)
    density *= stats.norm.pdf(x, z @ model.W.T + model.b, np.sqrt(model.variance)).prod(axis=-1)
    integral = integrate.trapezoid(integrate.trapezoid(density, side), side)
    assert log_evidence(model, x[None]).item() == pytest.approx(np.log(integral), rel=1e-8)


def test_single_precision_images_are_computed_in_double(digits):
    model = linear_model(x_dim=784, z_dim=20, variance=0.05)
    evidence = log_evidence(model, digits)
    assert evidence.dtype == np.float64
    np.testing.assert_array_equal(evidence, log_evidence(model, digits.astype(float)))


def test_the_posterior_is_the_joint_conditioned_on_x():
    model, x = linear_model(), RNG.normal(size=(5, 7))
    mean, covariance = exact_posterior(model, x)
    center, cov = joint(model)
    gain = cov[:3, 3:] @ np.linalg.inv(cov[3:, 3:])
    np.testing.assert_allclose(mean, (x - center[3:]) @ gain.T, atol=1e-12)
    np.testing.assert_allclose(covariance, cov[:3, :3] - gain @ cov[3:, :3], atol=1e-12)


def test_the_posterior_mean_is_where_the_joint_density_is_highest():
    model, x = linear_model(), RNG.normal(size=7)
    best = optimize.minimize(lambda z: -log_joint_by_scipy(model, x, z), np.zeros(3), tol=1e-10)
    np.testing.assert_allclose(exact_posterior(model, x[None])[0][0], best.x, atol=1e-5)


# The bound


def bound_by_quadrature(model, x, mean, covariance):
    """The average of log p(x, z) − log q(z) by Gauss-Hermite nodes in two dimensions."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    factor = np.linalg.cholesky(covariance)
    q = stats.multivariate_normal(mean, covariance)
    total = 0.0
    for a, wa in zip(nodes, weights, strict=True):
        for b, wb in zip(nodes, weights, strict=True):
            z = mean + factor @ [a, b]
            total += wa * wb * (log_joint_by_scipy(model, x, z) - q.logpdf(z))
    return total / weights.sum() ** 2


def test_the_elbo_is_the_average_of_its_definition():
    model, x = linear_model(z_dim=2), RNG.normal(size=(4, 7))
    mean, root = RNG.normal(size=(4, 2)), RNG.normal(size=(2, 2))
    covariance = root @ root.T
    expected = [bound_by_quadrature(model, x[i], mean[i], covariance) for i in range(4)]
    np.testing.assert_allclose(linear_elbo(model, x, mean, covariance), expected, rtol=1e-9)


def test_the_elbo_lacks_the_divergence_from_the_posterior():
    model, x = linear_model(), RNG.normal(size=(4, 7))
    exact_mean, exact = exact_posterior(model, x)
    evidence = log_evidence(model, x)
    np.testing.assert_allclose(linear_elbo(model, x, exact_mean, exact), evidence, rtol=1e-10)
    mean, covariance = exact_mean + 0.3, 2 * exact + 0.1 * np.eye(3)
    gap = evidence - linear_elbo(model, x, mean, covariance)
    for i in range(4):
        q = stats.multivariate_normal(mean[i], covariance)
        p = stats.multivariate_normal(exact_mean[i], exact)
        z = q.rvs(20_000, random_state=i)
        draws = q.logpdf(z) - p.logpdf(z)
        assert gap[i] == pytest.approx(draws.mean(), abs=5 * draws.std() / np.sqrt(20_000))


def test_the_best_diagonal_q_has_the_inverse_diagonal_of_the_precision():
    model, x = linear_model(), RNG.normal(size=(1, 7))
    mean, covariance = exact_posterior(model, x)

    def loss(log_variances):
        return -linear_elbo(model, x, mean, np.diag(np.exp(log_variances))).item()

    best = optimize.minimize(loss, np.zeros(3), tol=1e-10)
    np.testing.assert_allclose(np.exp(best.x), 1 / np.diag(np.linalg.inv(covariance)), rtol=1e-4)


@pytest.mark.parametrize("wrong", [np.zeros(7), np.zeros((5, 1)), np.zeros((5, 8)), 0.0])
def test_images_of_another_shape_than_the_models_are_refused(wrong):
    model = linear_model()
    for compute in (
        lambda x: log_evidence(model, x),
        lambda x: exact_posterior(model, x),
        lambda x: linear_elbo(model, x, np.zeros((5, 3)), np.eye(3)),
    ):
        with refused(ValueError, "x", np.shape(wrong), "(batch, 7)"):
            compute(wrong)
        with refused(ValueError, "x", "str", "(batch, 7)"):
            compute("x.npy")


def test_a_rotation_of_the_latent_space_leaves_the_evidence_alone():
    model, x = linear_model(), RNG.normal(size=(4, 7))
    rotation = stats.ortho_group.rvs(3, random_state=0)
    turned = model._replace(W=model.W @ rotation)
    np.testing.assert_allclose(log_evidence(turned, x), log_evidence(model, x), rtol=1e-12)


# The best linear model


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    return rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6)) + rng.normal(size=6)


@pytest.mark.parametrize("variance", [None, 0.7])
def test_no_other_parameters_are_likelier(data, variance):
    model = fit_ppca(data, 2, variance)

    def loss(parameters):
        weights, rest = parameters[:12].reshape(6, 2), parameters[12:]
        log_var = np.log(variance) if variance else rest[6]
        covariance = weights @ weights.T + np.exp(log_var) * np.eye(6)
        return -stats.multivariate_normal(rest[:6], covariance).logpdf(data).mean()

    ours = np.concatenate([model.W.ravel(), model.b, [np.log(model.variance)]])
    assert log_evidence(model, data).mean() == pytest.approx(-loss(ours), rel=1e-10)
    slope = optimize.approx_fprime(ours, loss, 1e-6)
    assert np.abs(slope).max() < 1e-4
    start = ours + 0.3 * np.random.default_rng(4).normal(size=19)
    other = optimize.minimize(loss, start, tol=1e-10)
    assert other.fun == pytest.approx(loss(ours), abs=1e-5)


def test_the_noise_is_what_the_principal_components_leave(data):
    model = fit_ppca(data, 2)
    _, s, axes = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)
    values = s**2 / len(data)
    assert model.variance == pytest.approx(values[2:].mean())
    np.testing.assert_allclose(model.b, data.mean(axis=0))
    lengths = np.linalg.norm(model.W, axis=0)
    np.testing.assert_allclose(lengths, np.sqrt(values[:2] - model.variance))
    cosines = np.abs((model.W / lengths).T @ axes[:2].T)
    np.testing.assert_allclose(cosines, np.eye(2), atol=1e-8)


def test_what_varies_less_than_the_noise_is_not_coded(data):
    values = np.linalg.eigvalsh(np.cov(data, rowvar=False, bias=True))[::-1]
    model = fit_ppca(data, 3, variance=(values[1] + values[2]) / 2)
    alive = np.linalg.norm(model.W, axis=0) > 0
    np.testing.assert_array_equal(alive, [True, True, False])
    assert not fit_ppca(data, 3, variance=2 * values[0]).W.any()


@pytest.mark.parametrize("z_dim", [0, 6, -1, 10**4, 2.5, 2.0, "2", True, None])
def test_a_bad_z_dim_is_named(data, z_dim):
    with refused(ValueError, "z_dim", repr(z_dim), "whole", 1, 5):
        fit_ppca(data, z_dim)


def test_z_dim_may_be_a_whole_number_of_numpys(data):
    np.testing.assert_array_equal(fit_ppca(data, np.int64(2)).W, fit_ppca(data, 2).W)


@pytest.mark.parametrize("shape", [(784,), (0, 784), (3, 28, 28)])
def test_images_that_no_linear_model_can_be_fitted_to_are_refused(shape):
    with refused(ValueError, "x", shape, "(n, x_dim)"):
        fit_ppca(np.zeros(shape), 2)


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_images_that_are_no_finite_numbers_are_refused(data, hole):
    x = data.copy()
    x[[5, 8], 2] = hole
    with refused(ValueError, "x", 2, "finite", 5, "finite"):
        fit_ppca(x, 2)


@pytest.mark.parametrize("variance", [0.0, -1.0, np.inf, np.nan, "a", True, [0.1, 0.2]])
def test_a_bad_variance_is_named(data, variance):
    with refused(ValueError, "variance", repr(variance), "finite", 0):
        fit_ppca(data, 2, variance)


def test_data_that_leave_no_noise_are_refused(data):
    flat = np.hstack([data[:, :2], np.zeros((400, 4))])
    assert fit_ppca(flat, 1).variance > 0
    for x, z_dim in ((flat, 2), (data[:2], 2), (data[:1], 1)):
        with refused(ValueError, "x", len(x), "images", "z_dim", z_dim, "more images") as caught:
            fit_ppca(x, z_dim)
        assert "variance was" not in str(caught.value)  # none was given


# The joint density of images and latent vectors of their own


@pytest.fixture
def some_z():
    """Five latent vectors of three dimensions for each of four images."""
    return np.random.default_rng(6).normal(size=(4, 5, 3))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_joint_density_is_likelihood_times_prior(digits, some_z, likelihood):
    model = VAE(z_dim=3, h_dim=16, likelihood=likelihood, variance=0.5, seed=1)
    x = (digits[:4] > 0.5).astype("float32")
    expected = np.zeros((4, 5))
    for i in range(4):
        for k in range(5):
            logits = model.decoder(some_z[i, k : k + 1].astype("float32")).numpy()[0].astype(float)
            p = special.expit(logits)
            of_pixels = {
                "bernoulli": stats.bernoulli.logpmf(x[i], p),
                "gaussian": stats.norm.logpdf(x[i], p, np.sqrt(0.5)),
            }[likelihood]
            expected[i, k] = of_pixels.sum() + stats.norm.logpdf(some_z[i, k]).sum()
    np.testing.assert_allclose(log_joint(model, x, some_z), expected, rtol=1e-5)


def test_a_sum_over_a_grid_is_the_exact_evidence():
    """With a model of its own kind, which is no `VAE`."""
    linear = linear_model()
    linear = linear._replace(W=linear.W[:, :2])
    x = np.random.default_rng(7).normal(size=(6, len(linear.b)))
    ticks = np.linspace(-8, 8, 161)
    grid = np.stack(np.meshgrid(ticks, ticks), -1).reshape(1, -1, 2).repeat(6, axis=0)
    sums = special.logsumexp(log_joint(Linear(linear, 1.0), x, grid), axis=1)
    expected = log_evidence(linear, x)
    np.testing.assert_allclose(sums + 2 * np.log(ticks[1] - ticks[0]), expected, atol=1e-4)


def test_the_joint_density_sees_new_weights(digits, some_z):
    model, x = VAE(z_dim=3, h_dim=16, seed=1), digits[:4]
    before = log_joint(model, x, some_z)
    model.restart(2)
    after = log_joint(model, x, some_z)
    other = log_joint(VAE(z_dim=3, h_dim=16, seed=2), x, some_z)
    np.testing.assert_allclose(after, other, rtol=1e-6)
    assert abs(after - before).min() > 1e-3


@pytest.mark.parametrize("shape", [(5, 3), (3, 5, 3), (4, 3)])
def test_latent_vectors_that_are_not_those_of_the_images_are_refused(digits, shape):
    with refused(ValueError, "z", shape, "(4, points, z_dim)"):
        log_joint(VAE(z_dim=3, h_dim=16), digits[:4], np.zeros(shape))


def test_what_is_no_model_has_no_joint_density(digits, some_z):
    with refused(ValueError, "model", "load_model(path)"):
        log_joint("model.keras", digits[:4], some_z)


# The importance-weighted bound


class Linear:
    """A linear model with an encoder of its own, as `importance_weighted_bound` wants it."""

    def __init__(self, model, spread):
        self.model = model
        self.W, self.b = (tf.constant(a, tf.float32) for a in (model.W, model.b))
        inner = model.W.T @ model.W + model.variance * np.eye(model.W.shape[1])
        self.gain = tf.constant(model.W @ np.linalg.inv(inner), tf.float32)
        variances = spread**2 * model.variance / np.diag(inner)
        self.log_var = tf.constant(np.log(variances), tf.float32)

    def encoder(self, x):
        mean = (x - self.b) @ self.gain
        return mean, tf.broadcast_to(self.log_var, tf.shape(mean))

    def decoder(self, z):
        return z @ tf.transpose(self.W) + self.b

    def log_likelihood(self, x, outputs):
        return gaussian_log_likelihood(x, outputs, self.model.variance)


@pytest.fixture(scope="module")
def wide():
    """A linear model whose q is half as wide again as the best diagonal one, and images."""
    model = Linear(linear_model(), spread=1.5)
    rng = np.random.default_rng(5)
    z, noise = rng.normal(size=(2000, 3)), rng.normal(size=(2000, 7))
    x = z @ model.model.W.T + model.model.b + np.sqrt(model.model.variance) * noise
    return model, x.astype("float32")


def test_one_draw_is_the_elbo_on_average(wide):
    model, x = wide
    mean, log_var = (t.numpy().astype(float) for t in model.encoder(x))
    elbo = linear_elbo(model.model, x, mean, np.diag(np.exp(log_var[0])))
    gap = importance_weighted_bound(model, x, 1) - elbo
    assert gap.shape == (2000,)
    assert gap.mean() == pytest.approx(0, abs=4 * gap.std() / np.sqrt(2000))


def test_more_draws_come_closer_to_the_exact_evidence_from_below(wide):
    model, x = wide
    exact = log_evidence(model.model, x)
    gaps = np.array([exact - importance_weighted_bound(model, x, k) for k in (1, 10, 1000)])
    errors = gaps.std(axis=1) / np.sqrt(2000)
    averages = gaps.mean(axis=1)
    assert (averages > -4 * errors).all()
    assert averages[0] > 2 * averages[1]
    assert abs(averages[2]) < 0.02


def test_it_is_the_log_of_the_mean_weight_of_the_named_draws(digits):
    model, x = VAE(z_dim=3, h_dim=16, seed=2), digits[:9]
    mean, log_var = (t.numpy().astype(float) for t in model.encoder(x))
    q, weights = stats.norm(mean, np.exp(0.5 * log_var)), []
    for k in range(6):
        z = mean + np.exp(0.5 * log_var) * standard_normal((9, 3), (11, k)).numpy()
        logits = np.asarray(model.decoder(z.astype("float32")), float)
        log_p_x = special.xlogy(x, special.expit(logits)) + special.xlog1py(
            1.0 - x, -special.expit(logits)
        )
        weights.append(log_p_x.sum(1) + (stats.norm.logpdf(z) - q.logpdf(z)).sum(1))
    expected = special.logsumexp(weights, axis=0) - np.log(6)
    np.testing.assert_allclose(importance_weighted_bound(model, x, 6, seed=11), expected, rtol=1e-4)


def test_the_seed_decides_and_the_number_of_draws_may_be_any(digits):
    model, x = VAE(z_dim=3, h_dim=16), digits[:9]
    first = importance_weighted_bound(model, x, 3, seed=1)
    np.testing.assert_array_equal(importance_weighted_bound(model, x, 3, seed=1), first)
    assert not np.isin(importance_weighted_bound(model, x, 3, seed=2), first).any()
    # Five draws are these three and two more, so that the sum of the weights is no smaller.
    five = importance_weighted_bound(model, x, 5, seed=1)
    more = np.log(5) + five - np.log(3) - first
    assert (more > -1e-3).all()  # rounding hides a draw whose weight is tiny
    assert (more > 0).any()


def test_weights_that_no_float_can_hold_are_averaged(digits):
    class Faint(VAE):
        def log_likelihood(self, x, logits):
            return super().log_likelihood(x, logits) - 1e4

    x = digits[:9]
    faint = importance_weighted_bound(Faint(z_dim=3, h_dim=16), x, 4)
    plain = importance_weighted_bound(VAE(z_dim=3, h_dim=16), x, 4)
    np.testing.assert_allclose(faint + 1e4, plain, atol=0.02)


def test_trained_weights_are_seen(digits):
    model, x = VAE(z_dim=3, h_dim=16), digits[:9]
    before = importance_weighted_bound(model, x, 2)
    model.restart(5)
    after = importance_weighted_bound(model, x, 2)
    np.testing.assert_array_equal(
        after, importance_weighted_bound(VAE(z_dim=3, h_dim=16, seed=5), x, 2)
    )
    assert not np.isin(after, before).any()


def test_what_was_set_on_a_model_of_ones_own_is_seen(digits):
    class Own:
        def __init__(self):
            plain = VAE(z_dim=3, h_dim=16)
            self.encoder, self.decoder, self.variance = plain.encoder, plain.decoder, 1.0

        def log_likelihood(self, x, logits):
            return gaussian_log_likelihood(x, pixel_mean(logits), self.variance)

    model, x = Own(), digits[:9]
    before = importance_weighted_bound(model, x, 2)
    model.variance = 0.01
    new = Own()
    new.variance = 0.01
    after = importance_weighted_bound(model, x, 2)
    np.testing.assert_array_equal(after, importance_weighted_bound(new, x, 2))
    assert abs(after - before).min() > 100


@pytest.mark.parametrize("n_samples", [0, -1, 10**8, 2.5, "3", True, None])
def test_a_bad_number_of_draws_is_named_before_any_work(n_samples):
    with refused(ParameterError, "n_samples", repr(n_samples), "whole", 1, "10,000,000"):
        importance_weighted_bound(None, None, n_samples)


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, "3", True, None])
def test_a_bad_seed_of_the_draws_is_named_before_any_work(seed):
    with refused(ParameterError, "seed", repr(seed), "whole", 0, "2,147,483,647"):
        importance_weighted_bound(None, None, 3, seed)


@pytest.mark.parametrize(
    ("model", "said"),
    [("model.keras", "'model.keras'"), (None, "NoneType"), (VAE, "type"),
     (linear_model(), "LinearGaussian")],
    ids=str,
)  # fmt: skip
def test_what_is_no_model_is_refused(model, said):
    parts = ("VAE", "load_model(path)", "encoder", "decoder", "log_likelihood")
    with refused(ValueError, "model", said, *parts):
        importance_weighted_bound(model, np.zeros((2, 7)), 50)


def test_numbers_of_draws_and_seeds_may_be_numpys(digits):
    model, x = VAE(z_dim=2, h_dim=4), digits[:3]
    np.testing.assert_array_equal(
        importance_weighted_bound(model, x, np.int64(3), np.int64(1)),
        importance_weighted_bound(model, x, 3, 1),
    )


# How far the draws leave it from the truth


def test_the_standard_error_is_the_spread_between_seeds(wide):
    """For weights of a finite variance, as here, where q is wider than the posterior."""
    model, x = wide
    x = x[:200]
    pairs = [importance_weighted_bound(model, x, 500, s, return_error=True) for s in range(30)]
    bounds, errors = np.moveaxis(np.array(pairs), 1, 0)  # (30, 200) each
    ratio = bounds.var(axis=0, ddof=1).mean() / (errors**2).mean()
    assert ratio == pytest.approx(1, abs=0.15)  # its own standard error is about 0.03


def test_the_exact_evidence_is_within_the_standard_error(wide):
    model, x = wide
    exact = log_evidence(model.model, x)
    bound, error = importance_weighted_bound(model, x, 2000, return_error=True)
    deviations = (bound - exact) / error
    assert (np.abs(deviations) < 2).mean() == pytest.approx(0.954, abs=0.03)
    average_error = np.sqrt(np.sum(error**2)) / len(x)
    assert abs((bound - exact).mean()) < 4 * average_error
    assert average_error < 0.002


def test_a_sum_over_a_grid_is_within_the_standard_error_for_any_likelihood(digits):
    ticks = np.linspace(-6, 6, 241)
    grid = np.stack(np.meshgrid(ticks, ticks), -1).reshape(1, -1, 2).repeat(5, axis=0)
    for likelihood in ("bernoulli", "gaussian", "discretized_logistic"):
        model, x = VAE(z_dim=2, h_dim=8, likelihood=likelihood, seed=1), digits[:5]
        kernel = model.decoder.logits.kernel
        kernel.assign(0.3 * kernel)  # so that no posterior is much narrower than q
        bound, error = importance_weighted_bound(model, x, 3000, return_error=True)
        truth = special.logsumexp(log_joint(model, x, grid), axis=1)
        truth += 2 * np.log(ticks[1] - ticks[0])
        assert (np.abs(bound - truth) < 5 * error).all()
        assert (error < 0.15).all()


def test_the_standard_error_is_that_of_the_mean_weight_as_a_share_of_it(digits):
    model, x, n = VAE(z_dim=3, h_dim=16, seed=2), digits[:9], 6
    singles = []
    for k in range(n):
        eps = standard_normal((9, 3), (11, k))
        mean, log_var = (t.numpy() for t in model.encoder(x))
        z = mean + np.exp(0.5 * log_var) * eps.numpy()
        log_p = model.log_likelihood(x, model.decoder(z)).numpy()
        ratio = stats.norm.logpdf(z) - stats.norm.logpdf(z, mean, np.exp(0.5 * log_var))
        singles.append(log_p + ratio.sum(axis=1))
    weights = np.exp(np.array(singles, float) - np.max(singles, axis=0))  # (6, 9)
    expected = stats.sem(weights, axis=0) / weights.mean(axis=0)
    _, error = importance_weighted_bound(model, x, n, 11, return_error=True)
    np.testing.assert_allclose(error, expected, rtol=2e-3)


def test_of_one_draw_there_is_no_standard_error(digits):
    with refused(ValueError, "n_samples", 1, "return_error", 2):
        importance_weighted_bound(VAE(z_dim=2, h_dim=4), digits[:3], 1, return_error=True)


# Stopped, and gone on with


@pytest.fixture
def in_parts(monkeypatch):
    """Let a call of the graph add three draws of nine images."""
    monkeypatch.setattr("vae_lib.evaluation.AT_ONCE", 3 * 9 + 8)


def test_in_parts_it_is_the_same(digits, monkeypatch):
    model, x = VAE(z_dim=3, h_dim=16), digits[:9]
    whole = importance_weighted_bound(model, x, 20, return_error=True)
    monkeypatch.setattr("vae_lib.evaluation.AT_ONCE", 1)
    np.testing.assert_array_equal(importance_weighted_bound(model, x, 20, return_error=True), whole)


@pytest.mark.parametrize("number", [1, 2, 6])
@pytest.mark.usefixtures("in_parts")
def test_a_stopped_evaluation_ends_with_the_same_numbers(digits, tmp_path, monkeypatch, number):
    model, x = VAE(z_dim=3, h_dim=16), digits[:9]
    whole = importance_weighted_bound(model, x, 20, return_error=True)
    with monkeypatch.context() as patch:
        stop_at_checkpoint(patch, number)
        with pytest.raises(Stopped):
            importance_weighted_bound(model, x, 20, checkpoint=tmp_path)
    assert (tmp_path / f"checkpoint-{3 * number:09d}.npz").exists()
    again = importance_weighted_bound(model, x, 20, return_error=True, checkpoint=tmp_path)
    np.testing.assert_array_equal(again, whole)


def test_an_evaluation_that_has_ended_is_not_done_again_and_can_go_further(digits, tmp_path):
    model, x = VAE(z_dim=3, h_dim=16), digits[:9]
    first = importance_weighted_bound(model, x, 4, checkpoint=tmp_path)
    model.decoder = None  # it is not asked again
    np.testing.assert_array_equal(
        importance_weighted_bound(model, x, 4, checkpoint=tmp_path), first
    )
    new = VAE(z_dim=3, h_dim=16)
    more = importance_weighted_bound(new, x, 9, checkpoint=tmp_path)
    np.testing.assert_array_equal(more, importance_weighted_bound(new, x, 9))
    with refused(ValueError, "n_samples", 5, 9, "more"):
        importance_weighted_bound(new, x, 5, checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x": slice(1, 10)}, "images"),
        ({"seed": 1}, "seed was 0, now 1"),
        ({"model": {"seed": 5}}, "seed was 0, now 5"),
        ({"model": {"h_dim": 17}}, "h_dim was 16, now 17"),
    ],
)
def test_a_checkpoint_of_another_evaluation_is_refused(digits, tmp_path, changed, said):
    importance_weighted_bound(VAE(z_dim=3, h_dim=16), digits[:9], 2, checkpoint=tmp_path)
    model = VAE(**{"z_dim": 3, "h_dim": 16} | changed.get("model", {}))
    x = digits[changed.get("x", slice(9))]
    with refused(ValueError, "checkpoint-000000002.npz", "another evaluation", said):
        importance_weighted_bound(model, x, 2, changed.get("seed", 0), checkpoint=tmp_path)


def test_a_checkpoint_of_other_weights_is_refused(digits, tmp_path):
    model = VAE(z_dim=3, h_dim=16)
    importance_weighted_bound(model, digits[:9], 2, checkpoint=tmp_path)
    model.decoder.logits.bias.assign(model.decoder.logits.bias + 1.0)
    with refused(ValueError, "checkpoint-000000002.npz", "another evaluation", "other weights"):
        importance_weighted_bound(model, digits[:9], 2, checkpoint=tmp_path)


def test_of_a_model_that_is_no_vae_no_checkpoint_is_kept(wide, tmp_path):
    model, x = wide
    with refused(ValueError, "checkpoint", tmp_path, "VAE"):
        importance_weighted_bound(model, x[:9], 2, checkpoint=tmp_path)


@pytest.mark.usefixtures("in_parts")
def test_progress_is_shown_to_who_waits_for_it(digits, monkeypatch, capsys):
    model, x = VAE(z_dim=3, h_dim=16), digits[:9]
    monkeypatch.delenv("TQDM_DISABLE")
    importance_weighted_bound(model, x, 20)
    assert capsys.readouterr().err == ""  # it was done at once
    monkeypatch.setattr("vae_lib.support.progress.SECONDS", 0)
    monkeypatch.setattr("vae_lib.evaluation.SECONDS", 0)
    importance_weighted_bound(model, x, 20)
    assert "20/20" in capsys.readouterr().err
