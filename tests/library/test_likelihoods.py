"""What each likelihood says of a pixel: sums to one, has the mean that it says, and is drawn so."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from tests.helpers import refused
from vae_lib.decoder import (
    LIKELIHOODS,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    Likelihood,
    PixelGaussian,
)

LOGITS = np.array([-9.0, -2.0, -0.2, 0.0, 0.1, 1.5, 8.0], np.float32)


def parameters_of(likelihood):
    """Each kind of parameter at several values, as rows of one pixel, `(values, 1)`."""
    second = np.array([-4.0, -1.0, -2.0, 0.0, -3.0, -5.0, -2.5], np.float32)
    return [kind[:, None] for kind in (LOGITS, second)[: likelihood.parameters]]


def density(likelihood, x):
    """Its density or probability of one value of the pixel, for each of the parameters."""
    parameters = parameters_of(likelihood)
    pixel = np.full_like(parameters[0], x)
    return np.exp(np.asarray(likelihood.log_prob(pixel, *parameters), float))


def levels_of(name):
    """The values that a pixel may have, where they can be counted."""
    return {"bernoulli": [0, 1], "discretized_logistic": np.arange(256) / 255}.get(name)


@pytest.fixture(params=LIKELIHOODS)
def named(request):
    return request.param, LIKELIHOODS[request.param]()


def moments(name, likelihood):
    """The total probability and the mean of the pixel, by sums or by quadrature."""
    if (levels := levels_of(name)) is not None:
        p = np.array([density(likelihood, level) for level in levels])  # (levels, values)
        return p.sum(0), np.asarray(levels) @ p
    low, high = (0.0, 1.0) if name == "continuous_bernoulli" else (-12.0, 13.0)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    edges = np.linspace(low, high, 800)
    half = np.diff(edges)[:, None] / 2
    x = (edges[:-1, None] + half * (1 + nodes)).ravel()
    p = np.array([density(likelihood, each) for each in x[::1]])
    w = (half * weights).ravel()
    return w @ p, (w * x) @ p


@pytest.mark.slow
def test_probabilities_sum_to_one_and_the_mean_is_theirs(named):
    name, likelihood = named
    total, mean = moments(name, likelihood)
    np.testing.assert_allclose(total, 1, atol=2e-4)
    said = np.ravel(likelihood.mean(*parameters_of(likelihood)))
    np.testing.assert_allclose(said, mean, atol=0.5 / 255 if "logistic" in name else 2e-4)


def test_draws_have_that_mean_and_equal_seeds_give_equal_draws(named):
    _, likelihood = named
    parameters = [np.tile(each, (1, 20_000)) for each in parameters_of(likelihood)]
    drawn = np.asarray(likelihood.sample((1, 2), *parameters))
    np.testing.assert_array_equal(drawn, likelihood.sample((1, 2), *parameters))
    assert not np.array_equal(drawn, likelihood.sample((1, 3), *parameters))
    error = drawn.std(1) / np.sqrt(20_000) + 0.5 / 255 / 4
    np.testing.assert_array_less(
        abs(drawn.mean(1) - np.asarray(likelihood.mean(*parameters))[:, 0]), 5 * error
    )


def test_a_level_has_the_probability_of_the_logistic_between_its_edges():
    likelihood = DiscretizedLogistic()
    logits, log_scale = np.float32([[0.3]]), np.float32([[-3.0]])
    middle, scale = special.expit(0.3), np.exp(-3.0) + np.exp(-7.0)
    for level in (0, 1, 100, 254, 255):
        above = stats.logistic.cdf((level + 0.5) / 255, middle, scale) if level < 255 else 1
        below = stats.logistic.cdf((level - 0.5) / 255, middle, scale) if level > 0 else 0
        log_p = likelihood.log_prob(np.float32([[level / 255]]), logits, log_scale)
        assert float(log_p[0]) == pytest.approx(np.log(above - below), rel=1e-3)


@pytest.mark.parametrize("x", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("logit", [-80.0, 0.0, 80.0])
def test_extreme_parameters_give_finite_numbers(named, x, logit):
    _, likelihood = named
    kinds = [np.float32([[logit]]), np.float32([[-60.0]])][: likelihood.parameters]
    assert np.isfinite(likelihood.log_prob(np.float32([[x]]), *kinds)).all()
    assert np.isfinite(likelihood.mean(*kinds)).all()
    assert np.isfinite(likelihood.sample((0, 0), *kinds)).all()


def test_a_pixel_that_never_changes_does_not_make_the_likelihood_infinite():
    log_p = PixelGaussian().log_prob(np.float32([[0.5]]), np.float32([[0]]), np.float32([[-90]]))
    assert float(log_p[0]) == pytest.approx(-0.5 * np.log(2 * np.pi / (12 * 255**2)), rel=1e-4)


@pytest.mark.parametrize("variance", [0, -1, np.nan, "small"])
def test_a_bad_variance_is_refused(variance):
    with refused(ValueError, "variance", repr(variance), "above 0"):
        Gaussian(variance)


def test_what_a_likelihood_of_ones_own_lacks_is_named():
    for method, arguments in (("log_prob", (0, 0)), ("mean", (0,)), ("sample", ((0, 0), 0))):
        with pytest.raises(NotImplementedError, match=f"Likelihood has no {method}"):
            getattr(Likelihood(), method)(*arguments)


def test_the_mean_of_the_continuous_bernoulli_is_that_of_its_density():
    logits = np.linspace(-30, 30, 121).astype("float32")
    mean = np.asarray(ContinuousBernoulli().mean(logits), float)
    exact = [
        integrate.quad(lambda x, a=a: x * np.exp(a * (x - (a > 0))), 0, 1)[0]
        / integrate.quad(lambda x, a=a: np.exp(a * (x - (a > 0))), 0, 1)[0]
        for a in logits.astype(float)
    ]
    np.testing.assert_allclose(mean, exact, atol=1e-5)
