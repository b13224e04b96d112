"""Training that goes astray says so and keeps what was good; formulas are right far out."""

from contextlib import suppress

import mpmath
import numpy as np
import pytest

from tests.helpers import mentions
from vae_lib.decoder import bernoulli_log_likelihood, continuous_bernoulli_log_likelihood
from vae_lib.loss import Objective, kl_divergence, log_ratio
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train

IMAGES = np.random.default_rng(0).uniform(size=(20, 6)).astype(np.float32)
LEARNING = {"batch_size": 5, "report_every": 2, "every": 2}
mpmath.mp.dps = 150


def small(learning_rate=1e-3, loss=None):
    model = VAE(z_dim=2, h_dim=4, x_dim=6)
    model.compile(keras.optimizers.SGD(learning_rate), loss=loss)
    return model


def whole(folder):
    """The newest checkpoint's arrays, all of them finite numbers."""
    newest = max(folder.glob("checkpoint-*.npz"))
    with np.load(newest) as arrays:
        values = {name: arrays[name] for name in arrays if name.startswith("variable")}
    assert all(np.isfinite(value).all() for value in values.values())
    return newest


def spoil(model, weight, value):
    variable = model.trainable_variables[weight]
    variable.assign(tf.fill(variable.shape, np.float32(value)))


@pytest.mark.slow
def test_a_last_step_that_breaks_the_weights_is_not_saved(tmp_path):
    model = small()
    train(model, IMAGES, 2, checkpoint=tmp_path, **LEARNING)
    last = whole(tmp_path)
    again = small()
    again.optimizer.learning_rate = 3e38  # the loss of one step is finite, its weights are not
    with pytest.raises(FloatingPointError) as caught:
        train(again, IMAGES, 1, checkpoint=tmp_path / "other", **LEARNING)
    assert mentions(str(caught.value), "variables", 0, 1, "no checkpoint", "learning rate")
    assert not [*(tmp_path / "other").glob("checkpoint-*.npz")]
    assert whole(tmp_path) == last


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "value"), [(0, np.nan), (0, np.inf), (-1, np.nan)])
def test_what_goes_astray_after_a_checkpoint_names_it(weight, value, tmp_path, monkeypatch):
    model = small()
    reports = []
    decode = VAE.decode

    def spoiled(self, z):
        reports.append(int(self.optimizer.iterations))
        images = decode(self, z)
        if len(reports) == 3:  # after the second checkpoint, while the third is reported
            monkeypatch.setattr("vae_lib.support.checkpoints.Checkpoints.save", lambda *_: None)
            spoil(self, weight, value)
        return images

    monkeypatch.setattr(VAE, "decode", spoiled)
    with pytest.raises(FloatingPointError) as caught:
        train(model, IMAGES, 20, checkpoint=tmp_path, **LEARNING)
    said = str(caught.value)
    assert mentions(said, 6, 8)
    assert whole(tmp_path).name == "checkpoint-000000004.npz"
    assert "checkpoint-000000004.npz" in said
    assert "learning rate" in said
    assert list(model.history["iteration"]) == [2, 4, 6]


ODD = {
    "one image": IMAGES[:1],
    "all black": np.zeros_like(IMAGES),
    "all white": np.ones_like(IMAGES),
    "float16": IMAGES.astype(np.float16),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_odd_images_train_to_finite_numbers(name):
    history = train(small(), ODD[name], 4, batch_size=5, report_every=2)
    assert np.isfinite([history[part] for part in ("loss", "reconstruction", "kl")]).all()


@pytest.mark.slow
@pytest.mark.parametrize("log_var", [-100.0, 100.0])
@pytest.mark.parametrize("loss", [None, Objective(n_samples=2, importance_weighted=True)])
def test_a_log_variance_of_a_hundred_stops_within_a_report_or_is_finite(log_var, loss):
    model = small(loss=loss)
    train(model, IMAGES, 1, batch_size=5)
    bias = [v for v in model.encoder.trainable_variables if v.name == "bias"][-1]
    bias.assign(tf.fill(bias.shape, np.float32(log_var)))
    with suppress(FloatingPointError):
        train(model, IMAGES, 4, batch_size=5, report_every=2)
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.isfinite(model.history["loss"]).all()


RNG = np.random.default_rng(1)
LOG_VAR = np.concatenate([RNG.uniform(-60, 60, 150), RNG.uniform(-1, 1, 50), [-60, 0, 60]])
LOGITS = np.concatenate([RNG.uniform(-80, 80, 150), RNG.uniform(-1, 1, 50), [-80, 0, 80]])
MEAN = RNG.normal(size=LOG_VAR.shape) * 10 ** RNG.uniform(-3, 1, LOG_VAR.shape)
FAR = np.where(np.arange(len(MEAN)) % 2, np.exp(LOG_VAR / 2), 1.0) * RNG.normal(size=MEAN.shape)


def area(logit):
    return mpmath.log(mpmath.expm1(logit) / logit) if logit else mpmath.mpf(0)


def pixels(formula, x):
    return lambda logits: formula(tf.fill(logits.shape, tf.cast(x, logits.dtype)), logits)


CASES = {
    "the KL term": (
        kl_divergence,
        lambda m, v: (mpmath.exp(v) + m**2 - 1 - v) / 2,
        [MEAN, LOG_VAR],
    ),
    "the log-ratio of importance weights": (
        log_ratio,
        lambda z, m, v: ((z - m) ** 2 * mpmath.exp(-v) + v - z**2) / 2,
        [MEAN + FAR, MEAN, LOG_VAR],
    ),
}
for shade in (0.0, 0.25, 0.5, 1.0):
    CASES[f"a coin of {shade}"] = (
        pixels(bernoulli_log_likelihood, shade),
        lambda a, x=shade: x * a - mpmath.log1p(mpmath.exp(a)),
        [LOGITS],
    )
    CASES[f"a continuous Bernoulli of {shade}"] = (
        pixels(continuous_bernoulli_log_likelihood, shade),
        lambda a, x=shade: x * a - area(a),
        [LOGITS],
    )


def slope(exact, point, k):
    """The derivative of the k-th argument, by differences of 150 digits."""
    h = mpmath.mpf(10) ** -40
    ends = [exact(*[p + sign * h * (i == k) for i, p in enumerate(point)]) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * h)


# Where a true value is a small difference of terms near 1, single precision is right to 1e-6 of 1.
@pytest.mark.parametrize("name", CASES)
def test_a_formula_and_its_gradient_are_those_of_150_digits(name):
    formula, exact, given = CASES[name]
    inputs = [tf.constant(values[:, None], tf.float32) for values in given]  # (n, 1)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        values = formula(*inputs)  # (n,)
    gradients = tape.gradient(values, inputs)
    points = np.concatenate(inputs, axis=1).astype(float)  # (n, arguments)
    true = [[float(exact(*map(mpmath.mpf, map(float, p)))) for p in points]]
    for k in range(len(inputs)):
        true.append([float(slope(exact, [mpmath.mpf(float(a)) for a in p], k)) for p in points])
    for got, right in zip([values, *gradients], true, strict=True):
        np.testing.assert_allclose(np.ravel(got), right, rtol=1e-5, atol=1e-6)
