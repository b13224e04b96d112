"""What each likelihood says of a pixel: it is SciPy's, sums to one, and is drawn so."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from tests.helpers import refused
from vae_lib.decoder import (
    LIKELIHOODS,
    Bernoulli,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    Likelihood,
    PixelGaussian,
    binarize,
    gaussian_log_likelihood,
)
from vae_lib.reparameterization import standard_normal
from vae_lib.tensorflow_quietly import keras, tf

LOGITS = np.array([-6.0, -2.0, -0.2, 0.0, 0.1, 1.5, 8.0])
SECOND = np.array([-4.0, -1.0, -2.0, 0.0, -3.0, -5.0, -12.0])  # a scale of the logarithmic kind
ROUNDING = stats.uniform(scale=1 / 255).var()
LEAST_SCALE = np.exp(-7)


def parameters_of(likelihood, dtype="float32"):
    """Each kind of parameter at several values, as rows of one pixel, `(values, 1)`."""
    return [kind[:, None].astype(dtype) for kind in (LOGITS, SECOND)[: likelihood.parameters]]


@pytest.fixture(params=LIKELIHOODS)
def named(request):
    return request.param, LIKELIHOODS[request.param]()


# Exact values


def rows(seed=0, shape=(5, 7)):
    """Images, logits and log-scales."""
    rng = np.random.default_rng(seed)
    return rng.uniform(size=shape), rng.normal(size=shape), rng.uniform(-12, 0, size=shape)


def test_coins_have_the_probability_of_scipys():
    x, logits, _ = rows()
    coins = np.round(x)
    expected = stats.bernoulli.logpmf(coins, special.expit(logits)).sum(axis=1)
    np.testing.assert_allclose(Bernoulli().log_prob(coins, logits), expected)
    np.testing.assert_allclose(Bernoulli().mean(logits), special.expit(logits))


def test_draws_of_pixels_share_nothing_with_the_noise_of_equal_seed(named):
    _, likelihood = named
    said = [np.full((4, 5000), number, "float32") for number in (0.2, -2.0)]
    drawn = likelihood.sample((3, 4), *said[: likelihood.parameters])
    noise = standard_normal((4, 5000), (3, 4))
    assert abs(np.corrcoef(np.ravel(drawn), np.ravel(noise))[0, 1]) < 0.05


@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_a_variance_may_be_a_number_of_any_kind(kind):
    x, mean, _ = rows()
    expected = stats.norm.logpdf(x, mean, 0.5).sum(axis=1)
    found = gaussian_log_likelihood(x, mean, kind(0.25))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_gaussian_has_the_density_of_scipys():
    x, logits, _ = rows()
    mean = special.expit(logits)
    for likelihood, variance in [
        (LIKELIHOODS["gaussian"](), 1),
        (LIKELIHOODS["learned_gaussian"](), 0.1 + ROUNDING),
        (Gaussian(0.3), 0.3),
        (Gaussian(2e-5), 2e-5),
        (Gaussian(2e-5, learned=True), 2e-5 + ROUNDING),
    ]:
        assert float(likelihood.variance) == pytest.approx(variance)
        expected = stats.norm(mean, np.sqrt(variance)).logpdf(x).sum(axis=1)
        np.testing.assert_allclose(likelihood.log_prob(x, logits), expected, rtol=1e-5)
        np.testing.assert_allclose(likelihood.mean(logits), mean)


def test_a_learned_variance_is_a_weight_and_a_given_one_is_none():
    assert Gaussian().variance == 1
    assert not Gaussian().weights
    learned = Gaussian(0.2, learned=True)
    assert len(learned.trainable_weights) == 1
    learned.log_variance.assign(np.log(0.5))
    assert float(learned.variance) == pytest.approx(0.5 + ROUNDING)


def test_a_gaussian_of_each_pixel_has_the_density_of_scipys():
    x, logits, log_variance = rows()
    mean, likelihood = special.expit(logits), PixelGaussian()
    expected = stats.norm(mean, np.sqrt(np.exp(log_variance) + ROUNDING)).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(likelihood.log_prob(x, logits, log_variance), expected)
    np.testing.assert_allclose(likelihood.mean(logits, log_variance), mean)


def truncated_exponential(logit):
    """SciPy's exp(x · logit) on [0, 1] as seen from the end where it is largest."""
    return stats.truncexpon(abs(logit), scale=1 / abs(logit))


def test_the_continuous_bernoulli_has_the_density_and_the_mean_of_scipys():
    x, logits, _ = rows()
    far = np.where(logits > 0, 1 - x, x)
    expected = truncated_exponential(logits).logpdf(far).sum(axis=1)
    np.testing.assert_allclose(ContinuousBernoulli().log_prob(x, logits), expected, rtol=1e-6)
    some = np.array([[-30.0, -2.0, -0.4, -0.24, -0.1, 0.1, 0.24, 0.26, 0.4, 2.0, 30.0]])
    mean = truncated_exponential(some).mean()
    expected = np.where(some > 0, 1 - mean, mean)
    np.testing.assert_allclose(ContinuousBernoulli().mean(some), expected, atol=1e-7)


def test_the_mean_of_the_continuous_bernoulli_changes_by_its_variance(gradients):
    some = np.array([[-2.0, -0.1, 0.0, 0.1, 2.0]])
    variance = truncated_exponential(np.where(some == 0, 1e-3, some)).var()
    by_logits = gradients(ContinuousBernoulli().mean, some)[0]
    np.testing.assert_allclose(by_logits, variance, atol=1e-5)


def logistic_between(level, middle, scale):
    """The probability between the edges of a level, of 0 to 255; the outermost have one edge."""
    low = np.where(level > 0, (level - 0.5) / 255, -np.inf)
    high = np.where(level < 255, (level + 0.5) / 255, np.inf)
    p = stats.logistic(middle, scale)
    upper = p.sf(low) - p.sf(high)  # the smaller of the two tails is the more exact
    return np.where(level / 255 > middle, upper, p.cdf(high) - p.cdf(low))


def test_a_level_has_the_probability_of_the_logistic_between_its_edges():
    _, logits, log_scale = rows()
    middle = special.expit(logits)
    level = np.clip(np.rint(255 * middle) + np.arange(7) - 3, 1, 254)
    level[:, 0], level[:, 6], log_scale[:, [0, 6]] = 0, 255, -1.5
    level[0, [0, 6]], log_scale[0, [0, 6]] = [1, 254], -1.5
    between = level + np.random.default_rng(1).uniform(-0.45, 0.45, size=level.shape)
    x = np.clip(between / 255, 0, 1)  # is rounded to that level
    p = logistic_between(level, middle, np.exp(log_scale) + LEAST_SCALE)
    log_p = DiscretizedLogistic().log_prob(x, logits, log_scale)
    np.testing.assert_allclose(log_p, np.log(p).sum(axis=1), rtol=1e-6)
    single = DiscretizedLogistic().log_prob(*map(np.float32, (x, logits, log_scale)))
    np.testing.assert_allclose(single, np.log(p).sum(axis=1), rtol=1e-3)


def test_the_mean_of_the_logistic_is_that_of_what_is_cut_off_at_black_and_white():
    for logit, log_scale in zip(LOGITS, SECOND, strict=True):
        p = stats.logistic(special.expit(logit), np.exp(log_scale) + LEAST_SCALE)
        expected = integrate.quad(p.sf, 0, 1, points=[special.expit(logit)])[0]
        mean = DiscretizedLogistic().mean(np.array([[logit]]), np.array([[log_scale]]))
        assert float(mean[0, 0]) == pytest.approx(expected, abs=1e-6)


# What all of them share


@pytest.mark.parametrize("variance", [0, -1, np.nan, "small"])
def test_a_bad_variance_is_refused(variance):
    with refused(ValueError, "variance", repr(variance), "above 0"):
        Gaussian(variance)


def test_what_a_likelihood_of_ones_own_lacks_is_named():
    for method, arguments in (("log_prob", (0, 0)), ("mean", (0,)), ("sample", ((0, 0), 0))):
        with pytest.raises(NotImplementedError, match=f"Likelihood has no {method}"):
            getattr(Likelihood(), method)(*arguments)


def test_only_a_gaussian_is_for_any_number_and_none_waits_for_inputs():
    assert Likelihood.parameters == 1
    for likelihood in (Likelihood(), *(make() for make in LIKELIHOODS.values())):
        assert likelihood.built
        assert likelihood.bounded is not isinstance(likelihood, Gaussian | PixelGaussian)


def test_the_configuration_makes_the_same_likelihood_again():
    for likelihood in (Gaussian(0.3), Gaussian(0.3, learned=True), PixelGaussian()):
        again = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(likelihood)
        )
        assert type(again) is type(likelihood)
        assert again.get_config() == likelihood.get_config()
        if isinstance(likelihood, Gaussian):
            assert float(again.variance) == pytest.approx(float(likelihood.variance))
            assert again.learned is likelihood.learned


def levels_of(name):
    """The values that a pixel may have, where they can be counted."""
    return {"bernoulli": [0, 1], "discretized_logistic": np.arange(256) / 255}.get(name)


def nodes_of(name):
    """Values of a pixel, and the weight of each in a sum that is the integral."""
    if (levels := levels_of(name)) is not None:
        return np.array(levels), np.ones(len(levels))
    edges = np.linspace(*(0, 1) if name == "continuous_bernoulli" else (-12, 13), 401)
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


def test_probabilities_sum_to_one_and_the_mean_is_theirs(named):
    name, likelihood = named
    x, weights = nodes_of(name)
    parameters = parameters_of(likelihood)
    pixels = np.repeat(x, len(LOGITS))[:, None].astype("float32")
    log_p = likelihood.log_prob(pixels, *(np.tile(kind, (len(x), 1)) for kind in parameters))
    p = np.exp(np.asarray(log_p, float)).reshape(len(x), len(LOGITS))
    np.testing.assert_allclose(weights @ p, 1, atol=2e-4)
    tolerance = 0.5 / 255 if name == "discretized_logistic" else 2e-4
    mean = np.ravel(likelihood.mean(*parameters))
    np.testing.assert_allclose(mean, (weights * x) @ p, atol=tolerance)


def test_extreme_parameters_give_finite_numbers(named):
    _, likelihood = named
    x, logits = (a.reshape(-1, 1) for a in np.meshgrid([0, 0.5, 1], [-80.0, 0, 80]))
    kinds = [logits, np.full_like(logits, -60)][: likelihood.parameters]
    kinds = [kind.astype("float32") for kind in kinds]
    assert np.isfinite(likelihood.log_prob(x.astype("float32"), *kinds)).all()
    assert np.isfinite(likelihood.mean(*kinds)).all()
    assert np.isfinite(likelihood.sample(tf.constant([0, 0]), *kinds)).all()


def test_a_pixel_that_never_changes_does_not_make_the_likelihood_infinite():
    log_p = PixelGaussian().log_prob(np.float32([[0.5]]), np.float32([[0]]), np.float32([[-90]]))
    assert float(log_p[0]) == pytest.approx(-0.5 * np.log(2 * np.pi * ROUNDING), rel=1e-4)


# Draws are compiled, which takes a while: so that most mistakes show sooner, they come last.

N = 5_000
MIDDLE, SPREAD = special.expit(LOGITS)[:, None], np.exp(SECOND)[:, None]


def assert_drawn(likelihood, distribution):
    """Check draws of each of the parameters against a distribution function, and the mean."""
    parameters = [np.tile(each, (1, N)) for each in parameters_of(likelihood)]
    draws = [np.asarray(likelihood.sample(tf.constant([1, s]), *parameters)) for s in (2, 2, 3)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    drawn = np.sort(draws[0].astype(float))
    share = np.array([np.searchsorted(row, row, "right") for row in drawn]) / N
    assert abs(share - distribution(drawn)).max() < 2 / np.sqrt(N)
    error = drawn.std(1) / np.sqrt(N) + 0.5 / 255 / 4
    mean = np.asarray(likelihood.mean(*parameters))[:, 0]
    np.testing.assert_array_less(abs(drawn.mean(1) - mean), 5 * error)
    between_images = np.corrcoef(draws[0])[np.triu_indices(len(LOGITS), 1)]
    assert abs(between_images).max() < 6 / np.sqrt(N)
    return draws[0]


def test_draws_of_a_gaussian_are_scipys():
    assert_drawn(Gaussian(0.1), stats.norm(MIDDLE, np.sqrt(0.1)).cdf)
    assert_drawn(Gaussian(0.1, learned=True), stats.norm(MIDDLE, np.sqrt(0.1 + ROUNDING)).cdf)


def test_draws_of_a_gaussian_of_each_pixel_are_scipys():
    assert_drawn(PixelGaussian(), stats.norm(MIDDLE, np.sqrt(SPREAD + ROUNDING)).cdf)


def test_draws_of_the_continuous_bernoulli_have_its_distribution():
    logits = np.where(LOGITS == 0, 1e-9, LOGITS)[:, None]
    area = special.expm1(logits)
    assert_drawn(ContinuousBernoulli(), lambda x: special.expm1(x * logits) / area)


def test_draws_of_the_logistic_are_scipys_rounded_to_levels():
    p = stats.logistic(MIDDLE, SPREAD + LEAST_SCALE)
    drawn = assert_drawn(DiscretizedLogistic(), lambda x: np.where(x < 1, p.cdf(x + 0.5 / 255), 1))
    assert np.isin(drawn, np.float32(levels_of("discretized_logistic"))).all()


def test_draws_of_coins_are_scipys():
    assert_drawn(Bernoulli(), stats.bernoulli(MIDDLE).cdf)


def test_coins_show_ink_with_the_probability_of_the_pixel():
    p = np.linspace(0, 1, 21)
    coins = binarize(np.tile(p, (20_000, 1)), (1, 2)).numpy()
    assert coins.dtype == np.float32
    assert set(np.unique(coins)) == {0, 1}
    assert (coins[:, 0] == 0).all()
    assert (coins[:, -1] == 1).all()
    assert not binarize(np.zeros((1000, 784)), (3, 4)).numpy().any()  # 2^-16 would show
    counts = coins[:, 1:-1].sum(axis=0).astype(int)
    for count, probability in zip(counts, p[1:-1], strict=True):
        assert stats.binomtest(count, 20_000, probability).pvalue > 1e-4


def test_coins_of_pixels_and_images_are_independent():
    coins = binarize(np.full((401, 51), 0.5), (1, 2)).numpy()  # an odd number of pixels
    assert coins.shape == (401, 51)
    for matrix, n in ((coins.T, 401), (coins, 51)):
        correlations = np.corrcoef(matrix)[np.triu_indices(len(matrix), 1)]
        assert abs(correlations * np.sqrt(n)).max() < 6
        assert correlations.std() * np.sqrt(n) == pytest.approx(1, abs=0.1)


def test_coins_and_noise_of_one_seed_are_independent():
    # 2,000 coins and 1,000 normal numbers take the same number of random words.
    coins = binarize(np.full((1, 2000), 0.5), (1, 2)).numpy()[0]
    noise = standard_normal((1000,), (1, 2)).numpy()
    for half in (coins[:1000], coins[1000:], coins[::2], coins[1::2]):
        assert abs(np.corrcoef(noise, half)[0, 1]) * np.sqrt(1000) < 5


def test_the_seed_decides_the_coins():
    draws = [
        binarize(np.full((5, 784), 0.5), seed).numpy() for seed in [(0, 1), (0, 1), (0, 2), (1, 1)]
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    for i, j in [(0, 2), (0, 3), (2, 3)]:
        assert (draws[i] != draws[j]).mean() > 0.2
