"""The formulas of likelihoods against SciPy's, values and gradients; the decoder against NumPy."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from tests.helpers import refused
from vae_lib.decoder import (
    Decoder,
    bernoulli_log_likelihood,
    continuous_bernoulli_log_likelihood,
    gaussian_log_likelihood,
    pixel_mean,
    start_at_mean,
)
from vae_lib.tensorflow_quietly import keras

RNG = np.random.default_rng(0)
GREY = RNG.uniform(size=(5, 784))
BINARY = (RNG.uniform(size=(5, 784)) < GREY).astype(float)
LOGITS = RNG.normal(scale=3, size=(5, 784))


def cross_entropy(x, logits):
    p = special.expit(logits)
    return -np.sum(x * np.log(p) + (1 - x) * np.log1p(-p), axis=1)


def test_the_pixel_mean_is_the_expectation_of_the_coin():
    expected = stats.bernoulli(special.expit(LOGITS)).mean()
    np.testing.assert_allclose(pixel_mean(LOGITS), expected)


def test_the_slope_of_the_pixel_mean_is_right_for_white_pixels_too(gradients):
    logits = np.concatenate([np.ravel(LOGITS), [-60.0, 60.0]])
    for upstream in (1.0, -3.0):
        slope = gradients(lambda a, by=upstream: by * pixel_mean(a), logits)[0]
        np.testing.assert_allclose(slope, upstream * stats.logistic.pdf(logits), rtol=1e-9)


def test_bernoulli_is_the_probability_of_binary_images():
    expected = stats.bernoulli.logpmf(BINARY, special.expit(LOGITS)).sum(axis=1)
    log_likelihood = bernoulli_log_likelihood(BINARY, LOGITS)
    assert log_likelihood.shape == (5,)
    np.testing.assert_allclose(log_likelihood, expected)


def test_bernoulli_is_minus_the_cross_entropy_of_grey_images():
    expected = -cross_entropy(GREY, LOGITS)
    np.testing.assert_allclose(bernoulli_log_likelihood(GREY, LOGITS), expected)
    single = bernoulli_log_likelihood(GREY.astype("float32"), LOGITS.astype("float32"))
    np.testing.assert_allclose(single, expected, rtol=1e-5)


@pytest.mark.parametrize("x", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_bernoulli_stays_exact_at_extreme_logits(x, logit, gradients):
    # log p = x log sigmoid(logit) + (1 - x) log sigmoid(-logit), each stable in SciPy.
    expected = x * special.log_expit(logit) + (1 - x) * special.log_expit(-logit)
    inputs = np.array([[x]], "float32"), np.array([[logit]], "float32")
    np.testing.assert_allclose(bernoulli_log_likelihood(*inputs), [expected], rtol=1e-6, atol=1e-40)
    assert np.isfinite(gradients(bernoulli_log_likelihood, *inputs)).all()


def test_the_bernoulli_gradient_is_image_minus_probability(gradients):
    by_logits = gradients(lambda logits: bernoulli_log_likelihood(GREY, logits), LOGITS)[0]
    np.testing.assert_allclose(by_logits, GREY - special.expit(LOGITS), atol=1e-12)


@pytest.mark.parametrize("variance", [0.01, 0.5, 1.0, 7.0])
def test_gaussian_is_the_density_and_its_gradient(variance, gradients):
    mean = special.expit(LOGITS)
    log_likelihood = gaussian_log_likelihood(GREY, mean, variance)
    assert log_likelihood.shape == (5,)
    expected = stats.norm.logpdf(GREY, mean, np.sqrt(variance)).sum(axis=1)
    np.testing.assert_allclose(log_likelihood, expected)
    by_mean = gradients(lambda m: gaussian_log_likelihood(GREY, m, variance), mean)[0]
    np.testing.assert_allclose(by_mean, (GREY - mean) / variance)


def test_the_gaussian_constant_of_an_image_is_half_of_784_times_log_two_pi():
    expected = np.full(5, -784 / 2 * np.log(2 * np.pi))
    np.testing.assert_allclose(gaussian_log_likelihood(GREY, GREY), expected)


def test_squares_without_the_half_are_the_model_with_variance_one_half():
    squares = np.sum((GREY - LOGITS) ** 2, axis=1)
    difference = gaussian_log_likelihood(GREY, LOGITS, 0.5).numpy() + squares
    np.testing.assert_allclose(difference, -784 / 2 * np.log(np.pi))


def truncated_exponential(logit):
    """SciPy's exp(x · logit) on [0, 1], for logits that are not 0."""
    rate = abs(logit)
    return stats.truncexpon(rate, scale=1 / rate)


SIZES = [1e-4, 0.01, 0.1, 0.2, 0.2499, 0.25, 0.2501, 0.45, 0.9998, 1.0, 1.5, 4.0, 20.0, 90.0]


@pytest.mark.parametrize(("dtype", "error"), [("float64", 3e-9), ("float32", 3e-7)])
def test_continuous_bernoulli_is_a_truncated_exponential(dtype, error):
    x, logit = (a.ravel() for a in np.meshgrid([0, 0.25, 0.5, 1], [-a for a in SIZES] + SIZES))
    from_the_far_end = np.where(logit > 0, 1 - x, x)  # SciPy's density falls
    expected = truncated_exponential(logit).logpdf(from_the_far_end)
    value = continuous_bernoulli_log_likelihood(
        x[:, np.newaxis].astype(dtype), logit[:, np.newaxis].astype(dtype)
    )
    np.testing.assert_allclose(value, expected, rtol=error, atol=error)


def test_continuous_bernoulli_has_a_gradient_however_sure_the_decoder(gradients):
    logits = np.array([[-1e8], [1e8]], np.float32)
    _, by_logits = gradients(
        continuous_bernoulli_log_likelihood, np.full((2, 1), 0.25, np.float32), logits
    )
    np.testing.assert_allclose(by_logits, [[0.25], [-0.75]])


@pytest.mark.parametrize("logit", [-30.0, -1.0, -0.2, 0.0, 1e-6, 0.2, 0.3, 2.0, 30.0])
def test_continuous_bernoulli_is_a_density_and_its_gradient_is_image_minus_mean(logit, gradients):
    def integral(of):
        # Gauss-Legendre: 100 points integrate exp(30 x), and what is smoother, to 15 digits.
        return integrate.fixed_quad(of, 0, 1, n=100)[0]

    def density(x):
        logits = np.full((len(x), 1), logit)
        return np.exp(continuous_bernoulli_log_likelihood(x[:, None], logits))

    assert integral(density) == pytest.approx(1, abs=2e-6)
    mean = integral(lambda x: x * density(x))
    x, logits = np.array([[0.0], [0.3], [1.0]]), np.full((3, 1), logit)
    by_logits = gradients(lambda a: continuous_bernoulli_log_likelihood(x, a), logits)[0]
    np.testing.assert_allclose(by_logits, x - mean, atol=5e-6)


@pytest.mark.parametrize("logit", [-0.3, -0.2499, -0.1, 0.1, 0.2, 0.2499, 0.2501, 0.3, 5.0])
def test_the_continuous_bernoulli_gradient_has_the_mean_of_scipy(logit, gradients):
    mean = truncated_exponential(logit).mean()
    mean = 1 - mean if logit > 0 else mean
    by_logits = gradients(
        lambda a: continuous_bernoulli_log_likelihood(np.zeros((1, 1)), a), np.array([[logit]])
    )[0]
    np.testing.assert_allclose(by_logits, [[-mean]], atol=1e-7)


def test_continuous_bernoulli_adds_up_pixels_and_is_uniform_at_logit_zero(gradients):
    a = np.where(np.abs(LOGITS) < 1e-3, 1e-3, LOGITS)
    area = (2 * special.expit(a) - 1) / a  # the integral of p^x (1 - p)^(1 - x) over [0, 1]
    expected = -cross_entropy(GREY, a) - np.log(area).sum(axis=1)
    log_likelihood = continuous_bernoulli_log_likelihood(GREY, a)
    assert log_likelihood.shape == (5,)
    np.testing.assert_allclose(log_likelihood, expected, rtol=1e-8)
    flat = np.zeros((5, 784), "float32")
    np.testing.assert_array_equal(continuous_bernoulli_log_likelihood(GREY, flat), np.zeros(5))
    by_logits = gradients(lambda b: continuous_bernoulli_log_likelihood(GREY, b), flat + 0.0)
    np.testing.assert_allclose(by_logits[0], GREY - 0.5, atol=1e-6)


@pytest.mark.parametrize("logit", [-1e4, -100.0, 100.0, 1e4])
def test_continuous_bernoulli_and_its_gradient_stay_finite(logit, gradients):
    inputs = np.array([[0.0], [1.0]], "float32"), np.full((2, 1), logit, "float32")
    near, far = np.log(abs(logit)), np.log(abs(logit)) - abs(logit)  # the other end costs |logit|
    expected = [near, far] if logit < 0 else [far, near]
    value = continuous_bernoulli_log_likelihood(*inputs)
    np.testing.assert_allclose(value, expected, rtol=2e-5)
    by_both = gradients(continuous_bernoulli_log_likelihood, *inputs)
    assert all(np.isfinite(g).all() for g in by_both)


def built(z_dim=100, **sizes):
    decoder = Decoder(**sizes)
    decoder.build((None, z_dim))
    return decoder


def test_the_decoder_is_one_elu_layer_and_one_linear_output():
    decoder = built(z_dim=5, x_dim=9, h_dim=16)
    rng = np.random.default_rng(1)
    decoder.set_weights([rng.normal(size=w.shape) for w in decoder.get_weights()])
    w, b, w_out, b_out = (a.astype(float) for a in decoder.get_weights())
    z = rng.normal(size=(64, 5)).astype("float32")
    a = z @ w + b
    h = np.where(a > 0, a, np.exp(a) - 1)
    logits = decoder(z)
    assert logits.shape == (64, 9)
    np.testing.assert_allclose(logits, h @ w_out + b_out, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("layer", "shape"), [("hidden", (100, 128)), ("logits", (128, 784))])
def test_weights_start_normal_with_variance_two_over_fan_in(layer, shape):
    decoder = built()
    layers = {"hidden": decoder.hidden[0], "logits": decoder.logits}
    kernel, bias = layers[layer].get_weights()
    fan_in = shape[0]
    assert kernel.shape == shape
    assert stats.kstest(kernel.ravel(), stats.norm(0, np.sqrt(2 / fan_in)).cdf).pvalue > 0.01
    assert np.abs(kernel).max() > 3 * np.sqrt(2 / fan_in)
    assert not bias.any()


def test_hidden_layers_follow_each_other_and_outputs_take_the_layout_of_the_image():
    decoder = built(z_dim=5, x_dim=(3, 4, 2), h_dim=(16, 7), activation="tanh")
    rng = np.random.default_rng(1)
    decoder.set_weights([rng.normal(size=w.shape) for w in decoder.get_weights()])
    w1, b1, w2, b2, w_out, b_out = (a.astype(float) for a in decoder.get_weights())
    z = rng.normal(size=(64, 5)).astype("float32")
    assert (w1.shape, w2.shape) == ((5, 16), (16, 7))
    expected = np.tanh(np.tanh(z @ w1 + b1) @ w2 + b2) @ w_out + b_out
    logits = decoder(z)
    assert logits.shape == (64, 3, 4, 2)
    np.testing.assert_allclose(logits, expected.reshape(64, 3, 4, 2), rtol=1e-4, atol=1e-4)


def test_the_last_bias_starts_at_the_logits_of_the_mean_image_and_all_else_stays():
    images = RNG.uniform(size=(20, 3, 4, 2)) ** 3  # the mean is not the median
    images[:, 0, 0] = [0, 1]  # pixels that never change: at logits of 0.001 and 0.999
    decoder = built(z_dim=5, x_dim=(3, 4, 2 * 2), h_dim=(6, 48))  # two numbers for each color
    decoder.set_weights([RNG.normal(size=w.shape) for w in decoder.get_weights()])
    *others, before = decoder.get_weights()
    start_at_mean(decoder, images)
    *still_others, after = decoder.get_weights()
    for a, b in zip(still_others, others, strict=True):
        np.testing.assert_array_equal(a, b)
    before, after = (bias.reshape(3, 4, 4) for bias in (before, after))
    expected = special.logit(np.clip(images.mean(axis=0), 0.001, 0.999))
    np.testing.assert_allclose(after[..., :2], expected, rtol=1e-5)
    np.testing.assert_array_equal(after[..., 2:], before[..., 2:])


def test_the_bias_of_a_convolution_starts_at_the_logits_of_the_colors():
    network = [keras.Input((3, 4, 2)), keras.layers.Conv2D(4, 1, bias_initializer="ones")]
    decoder = keras.Sequential(network)
    edges = np.array([0.1, 0.1, -0.1, -0.1])[:, None]  # of a row's pixels
    start_at_mean(decoder, np.full((5, 3, 4, 2), [0.2, 0.7]) + edges)
    expected = [*special.logit([0.2, 0.7]), 1, 1]
    np.testing.assert_allclose(decoder.layers[-1].bias, expected, rtol=1e-6)


def test_a_decoder_whose_bias_fits_no_image_is_refused():
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(7)])
    with refused(ValueError, "decoder", (7,), "each pixel"):
        start_at_mean(decoder, np.full((5, 3, 4, 2), 0.5))
