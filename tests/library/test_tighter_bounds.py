"""The doubly reparameterized objective, how clear a gradient is, and bounds from both sides."""

import keras
import numpy as np
import pytest
from scipy import integrate, special, stats

from tests.helpers import refused
from vae_lib.evaluation import log_joint
from vae_lib.loss import Objective, log_ratio
from vae_lib.model import VAE, load_model
from vae_lib.parameters import ParameterError
from vae_lib.rate_distortion import AutoregressiveVAE
from vae_lib.tensorflow_quietly import tf
from vae_lib.tighter_bounds import (
    DoublyReparameterized,
    own_images,
    sandwich,
    signal_to_noise,
)
from vae_lib.training import train
from vae_lib.uses import ConditionalVAE

X, B = 1.5, 0.3  # a pixel, and the shift of a decoder z + B with noise of variance ¼


def in_one_dimension(weigh, n_samples, eps):
    """What an objective makes of q = N(1.2, 0.3), and its slopes by mean, log-variance and B."""
    objective = weigh(n_samples)
    q, b = [tf.Variable(v, dtype=tf.float32) for v in (1.2, np.log(0.3))], tf.Variable(B)
    with tf.GradientTape() as tape:
        mean, log_var = (tf.reshape(part, (1, 1, 1)) for part in q)
        z = mean + tf.exp(0.5 * log_var) * eps[..., None]  # (sets, draws, 1)
        z, ratio = objective.weigh(z, mean, log_var)
        log_likelihood = -2 * (X - z[..., 0] - b) ** 2 - 0.5 * np.log(np.pi / 2)
        loss = objective(log_likelihood, ratio, None, 0)
    return float(loss), [float(each) for each in tape.gradient(loss, [*q, b])]


def exact_bound(mean, log_var, b):
    """The bound of two draws, by quadrature."""
    s = np.exp(0.5 * log_var)

    def log_w(eps):
        z = mean + s * eps
        log_joint = stats.norm.logpdf(z) + stats.norm.logpdf(X, z + b, 0.5)
        return log_joint - stats.norm.logpdf(z, mean, s)

    def inside(e1, e2):
        log_mean = np.logaddexp(log_w(e1), log_w(e2)) - np.log(2)
        return log_mean * stats.norm.pdf(e1) * stats.norm.pdf(e2)

    return integrate.dblquad(inside, -7, 7, -7, 7, epsabs=1e-7)[0]


def plain(n_samples):
    return Objective(n_samples=n_samples, importance_weighted=True)


@pytest.mark.slow
def test_on_average_its_gradient_is_the_slope_of_the_bound():
    at, step = np.array([1.2, np.log(0.3), B]), 1e-3
    slopes = [
        (exact_bound(*(at + step * e)) - exact_bound(*(at - step * e))) / (2 * step)
        for e in np.eye(3)
    ]
    eps = np.random.default_rng(0).normal(size=(400_000, 2)).astype("float32")
    for kind, tolerance in ((plain, 0.02), (DoublyReparameterized, 0.01)):
        value, gradient = in_one_dimension(kind, 2, eps)
        assert value == pytest.approx(-exact_bound(*at), abs=0.005)
        np.testing.assert_allclose(np.negative(gradient), slopes, atol=tolerance)


def test_for_a_posterior_every_estimate_is_zero():
    """Where q is the posterior, the weights do not depend on z; the plain gradient still does."""
    eps = np.random.default_rng(0).normal(size=(1, 5, 3)).astype("float32")
    kinds = {}
    for kind in (plain, DoublyReparameterized):
        mean, log_var = tf.Variable(np.zeros((1, 3))), tf.Variable(np.zeros((1, 3)))
        with tf.GradientTape() as tape:  # nothing is learned about z: the posterior is the prior
            q = tf.cast(mean, tf.float32)[:, None], tf.cast(log_var, tf.float32)[:, None]
            z, ratio = kind(5).weigh(q[0] + tf.exp(0.5 * q[1]) * eps, *q)
            loss = kind(5)(0.0 * tf.reduce_sum(z, -1), ratio, None, 0)
        kinds[kind] = np.abs(tape.gradient(loss, [mean, log_var])).max()
    assert kinds[DoublyReparameterized] < 1e-6
    assert kinds[plain] > 0.1


@pytest.mark.parametrize("n_samples", [1, 4])
@pytest.mark.parametrize("likelihood", ["bernoulli", "pixel_gaussian"])
def test_the_gradient_by_two_passes(n_samples, likelihood, digits):
    """The square of each share for the encoder, the share for the decoder, computed apart."""
    model, x = VAE(z_dim=3, h_dim=8, likelihood=likelihood), digits[:6]
    model.compile("adam", loss=DoublyReparameterized(n_samples))
    eps = np.random.default_rng(0).normal(size=(6, n_samples, 3)).astype("float32")
    with tf.GradientTape() as tape:
        loss = model.losses_of(x, model.outputs_of(x, eps if n_samples > 1 else eps[:, 0]))[0]
    found = tape.gradient(loss, model.trainable_variables)
    with tf.GradientTape(persistent=True) as tape:
        mean, log_var = (each[:, None] for each in model.encoder(x))
        z = mean + tf.exp(0.5 * log_var) * eps
        ratio = log_ratio(z, tf.stop_gradient(mean), tf.stop_gradient(log_var))
        logits = model.decoder(tf.reshape(z, (-1, 3)))
        likelihoods = model.log_likelihood(np.repeat(x, n_samples, axis=0), logits)
        log_w = tf.reshape(likelihoods, (6, n_samples)) + ratio
        w = special.softmax(log_w.numpy(), axis=1)
        losses = [-tf.reduce_sum(w**power * log_w) / 6 for power in (2, 1)]
    wanted = tape.gradient(losses[0], model.encoder.trainable_variables)
    wanted += tape.gradient(losses[1], model.decoder.trainable_variables)
    assert float(loss) == pytest.approx(
        -np.mean(special.logsumexp(log_w, axis=1) - np.log(n_samples)), rel=1e-5
    )
    for mine, its in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-4 * np.abs(its).max() + 1e-6)


def test_one_draw_has_the_decoders_gradient_of_the_elbo_and_the_encoders_on_average(digits):
    model, many = VAE(z_dim=3, h_dim=8), np.repeat(digits[:1], 4000, axis=0)
    eps, slopes = np.random.default_rng(0).normal(size=(4000, 3)).astype("float32"), []
    for objective in (None, plain(1), DoublyReparameterized(1)):
        model.compile("adam", loss=objective)
        with tf.GradientTape() as tape:
            outputs = model.outputs_of(many, eps)
            loss = 4000 * model.losses_of(many, outputs)[0]
        slopes.append(tape.gradient(loss, [outputs["mean"], *model.decoder.trainable_variables]))
    (elbo, *decoder), *others = slopes
    for encoder, *its in others:
        apart = np.asarray(encoder - elbo)
        assert np.all(abs(apart.mean(0)) < 5 * apart.std(0) / np.sqrt(4000) + 1e-5)
        for mine, wanted in zip(its, decoder, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-3, atol=1e-2)


def test_a_model_from_a_file_predicts_the_ratio_of_each_draw(digits, tmp_path):
    model, x = VAE(z_dim=3, h_dim=8), digits[:50]
    model.compile(keras.optimizers.Adam(1e-2), loss=DoublyReparameterized(3))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert repr(again.loss_given) == "DoublyReparameterized(n_samples=3)"
    assert again.predict(x, verbose=0)["log_ratio"].shape == (50, 3)


@pytest.mark.slow
def test_a_stopped_training_goes_on(digits, tmp_path):
    weights = []
    for parts in ((8,), (4, 8)):
        for iterations in parts:
            model = VAE(z_dim=3, h_dim=8)
            model.compile(keras.optimizers.Adam(1e-2), loss=DoublyReparameterized(3))
            folder = tmp_path / str(len(parts))
            train(model, digits[:50], iterations, batch_size=10, checkpoint=folder, every=4)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_draws_are_refused():
    with refused(ParameterError, "n_samples", 0, "whole"):
        DoublyReparameterized(0)


class Told(VAE):
    """A model that makes its outputs itself."""

    def outputs_of(self, x, eps):
        mean, log_var = self.encoder(x)
        return {"mean": mean, "log_var": log_var, "logits": self.decoder(mean + eps)}


def test_outputs_without_a_ratio_are_refused(digits):
    model = Told(2, 4, 784)
    model.compile("adam", loss=DoublyReparameterized(1))
    with refused(ValueError, "DoublyReparameterized", "Told", "outputs_of"):
        model.losses_of(digits[:3], model.outputs_of(digits[:3], np.zeros((3, 2), "float32")))


# How much of a gradient is noise


def test_a_signal_is_told_from_noise():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(50_000, 2, 3)) * 2 + np.arange(6).reshape(2, 3) / 10
    wanted = np.sqrt((np.arange(6) ** 2).sum() / 100 / (6 * 4))
    assert signal_to_noise(draws) == pytest.approx(wanted, rel=0.05)
    squares = [signal_to_noise(rng.normal(size=(100, 30))) ** 2 for _ in range(200)]
    assert np.mean(squares) < 0.2 / 100  # uncorrected, it would be 1/100
    assert signal_to_noise(draws - draws.mean(0)) == 0
    for bad in (np.zeros((1, 3)), np.zeros(5), [[np.nan], [1.0]]):
        with pytest.raises(ValueError, match=r"^gradients had|^gradients held"):
            signal_to_noise(bad)


def test_draws_that_are_all_alike_have_no_noise():
    assert signal_to_noise(np.ones((4, 2))) == np.inf
    assert signal_to_noise(np.zeros((4, 2))) == 0


# Both sides


def by_quadrature(model, x):
    """Compute log p(x) of a model with one latent dimension."""
    z = np.linspace(-8, 8, 1601)
    joint = log_joint(model, x, np.tile(z[:, None], (len(x), 1, 1)))
    return special.logsumexp(joint, axis=1) + np.log(z[1] - z[0])


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_truth_is_between_the_bounds(likelihood):
    model = VAE(1, 8, 20, likelihood, seed=2)
    x, z = own_images(model, 500, seed=3)
    assert x.shape == (500, 20)
    assert z.shape == (500, 1)
    truth = by_quadrature(model, x)
    for n_samples in (1, 30):
        lower, upper = sandwich(model, x, z, n_samples, seed=4)
        for miss in (truth - lower, upper - truth):
            assert miss.mean() > -4 * miss.std() / np.sqrt(500)
    assert np.median(upper - lower) < 0.5  # with thirty draws


def test_the_upper_bound_has_the_weight_of_z_among_the_others():
    model = VAE(2, 8, 20, seed=2)
    x, z = own_images(model, 5, seed=3)
    lower, upper = sandwich(model, x, z, 7, seed=4)
    mean, log_var = (np.asarray(each) for each in model.encoder(x))
    known = log_joint(model, x, z[:, None])[:, 0]
    known -= stats.norm.logpdf(z, mean, np.exp(0.5 * log_var)).sum(1)
    wanted = np.log((7 * np.exp(lower) + np.exp(known)) / 8)
    np.testing.assert_allclose(upper, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "method"),
    [
        (ConditionalVAE(2, 4, 9, classes=3), "logits_of"),
        (AutoregressiveVAE(2, z_dim=2, h_dim=4, x_dim=9), "log_likelihood"),
    ],
)
def test_a_model_of_which_z_does_not_say_all_makes_no_images_of_its_own(model, method):
    with refused(ValueError, "model", type(model).__name__, method, "VAE"):
        own_images(model, 3)


def test_own_images_are_draws_of_the_likelihood_and_repeat():
    model = VAE(2, 8, (4, 5, 1), "gaussian", variance=0.25, seed=1)
    x, z = own_images(model, 2000, seed=5)
    assert x.shape == (2000, 4, 5, 1)
    noise = x - model.decode(z).numpy()
    assert noise.std() == pytest.approx(0.5, rel=0.02)
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.1
    np.testing.assert_array_equal(own_images(model, 2000, seed=5)[0], x)
    assert np.abs(own_images(model, 2000, seed=6)[0] - x).max() > 1
    lower, upper = sandwich(model, x[:3], z[:3], 5)
    assert lower.shape == upper.shape == (3,)
    with refused(ParameterError, "n", 0):
        own_images(model, 0)
    with refused(ValueError, "z", "(2, 2)", 3):
        sandwich(model, x[:3], z[:2], 5)
