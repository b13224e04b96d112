"""Training that goes astray says so and keeps what was good; formulas are right far out."""

import json
import re
from contextlib import suppress
from functools import cache

import mpmath
import numpy as np
import pytest
from bs4 import BeautifulSoup

from tests.helpers import ROOT, mentions, refused, tf_config
from tests.runs.quick_notebook import numbers, planned, swept, written
from vae_lib.decoder import (
    LIKELIHOODS,
    DiscretizedLogistic,
    Gaussian,
    PixelGaussian,
    bernoulli_log_likelihood,
    continuous_bernoulli_log_likelihood,
)
from vae_lib.distributed import train_together
from vae_lib.loss import Objective, kl_divergence, log_ratio
from vae_lib.model import VAE, load_model
from vae_lib.parameters import ChapterParameters
from vae_lib.runs.report import write_report
from vae_lib.tensorflow_quietly import keras, tf
from vae_lib.training import train

IMAGES = np.random.default_rng(0).uniform(size=(20, 6)).astype(np.float32)
LEARNING = {"batch_size": 5, "report_every": 2, "every": 2}
IMPORTANCE = Objective(n_samples=2, importance_weighted=True)
mpmath.mp.dps = 150


@cache  # with its graph
def compiled(optimizer, likelihood, loss):
    model = VAE(z_dim=2, h_dim=4, x_dim=6, likelihood=likelihood)
    model.compile(optimizer(1e-3), loss=loss)
    return model


def small(learning_rate=1e-3, likelihood="bernoulli", loss=None, optimizer=keras.optimizers.SGD):
    """A model at its start."""
    model = compiled(optimizer, likelihood, loss)
    model.restart(0)
    model.optimizer.learning_rate = learning_rate
    return model


def are_finite(model):
    return all(np.isfinite(weight).all() for weight in model.get_weights())


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
    train(small(), IMAGES, 2, checkpoint=tmp_path, **LEARNING)
    last = whole(tmp_path)
    model = small(3e38)  # the loss of one step is finite, its weights are not
    with refused(FloatingPointError, "variables", 0, 1, "no checkpoint", "learning rate"):
        train(model, IMAGES, 1, checkpoint=tmp_path / "other", **LEARNING)
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


@pytest.mark.slow
@pytest.mark.parametrize("loss", [None, IMPORTANCE])
def test_a_learning_rate_of_ten_stops_within_a_report(loss, tmp_path):
    model = small(loss=loss)
    train(model, IMAGES, 4, checkpoint=tmp_path, **LEARNING)
    model.optimizer.learning_rate = 10.0
    folder = tmp_path / "faster"
    with pytest.raises(FloatingPointError) as caught:
        train(model, IMAGES, 500, checkpoint=folder, **LEARNING)
    said = str(caught.value)
    assert mentions(said, "between iterations", "learning rate", "clipnorm")
    start, stop = map(int, re.search(r"between iterations (\d+) and (\d+)", said).groups())
    assert [4, *model.history["iteration"]][-1] == start < stop <= start + 2
    assert np.isfinite(model.history["loss"]).all()
    assert whole(tmp_path).name == "checkpoint-000000004.npz"
    assert not [*folder.glob("*.npz")] or whole(folder).name in str(caught.value)


@pytest.mark.slow
def test_keras_own_loop_stops_at_the_epoch_and_saves_nothing_astray(tmp_path):
    model = small()
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3 if epoch < 2 else 1e6)
    saving = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    with refused(FloatingPointError, "loss", 8, 12, "learning rate", "clipnorm=1.0"):
        model.fit(IMAGES, epochs=9, batch_size=5, verbose=0, callbacks=[saving, rates])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.keras", "2.keras"]
    assert are_finite(load_model(tmp_path / "2.keras"))
    model = small(3e38)  # a last step that no loss shows
    with refused(FloatingPointError, "variables", 0, 1, "learning rate"):
        model.fit(IMAGES[:5], batch_size=5, verbose=0, callbacks=[saving])


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "what", "stop"), [(1e6, "loss", 4), (3e38, "variables", 1)])
def test_machines_that_train_together_stop_within_a_report(rate, what, stop, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(["localhost:1"], 0))
    monkeypatch.setattr("vae_lib.distributed.connect", lambda *_: lambda flat: flat)  # one alone
    with refused(FloatingPointError, what, 0, stop, "learning rate"):
        train_together(small(rate), IMAGES, stop, batch_size=5, report_every=4)


@pytest.mark.slow
def test_the_report_of_runs_says_which_went_astray_and_where(tmp_path):
    defaults = ChapterParameters().model_dump() | {"data": "small"}
    training = (
        "from vae_lib.support.astray import check_finite\n"
        "check_finite(float('nan') if learning_rate == 1 else 100.0, 600, 800)"
    )
    made = {n: v for n, v in numbers().items() if n not in {"seconds", "versions"}}
    printing = f"import json\nprint(json.dumps({made!r}))"
    chapter = written(tmp_path / "chapter.ipynb", defaults, training, printing)
    points = planned(chapter, learning_rate=[1.0, 0.001])
    swept(points)
    told = [json.loads(next(point.folder.glob("*.json")).read_text()) for point in points]
    assert sorted("elbo" in one for one in told) == [False, True]
    page = BeautifulSoup(write_report(tmp_path / "runs")[0].read_text("utf-8"), "html.parser")
    rows = [" ".join(row.get_text(" ").split()) for row in page.select("tbody tr")]
    (astray,) = [row for row in rows if "FloatingPointError" in row]
    assert "learning_rate=1.0," in astray
    assert mentions(astray, "nan", 600, 800, "learning rate"), astray
    assert any(row.startswith("z_dim=100,seed=0,") and "−100.00" in row for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_constant_pixels_train_to_finite_numbers_and_get_likelier(likelihood, shade):
    model = small(0.1, likelihood, optimizer=keras.optimizers.Adam)
    history = train(model, np.full_like(IMAGES, shade), 200, batch_size=5, report_every=100)
    assert np.isfinite([history[part] for part in ("loss", "reconstruction", "kl")]).all()
    assert history["reconstruction"][-1] <= history["reconstruction"][0]


@pytest.mark.slow
@pytest.mark.parametrize("images", [IMAGES[:1], IMAGES.astype(np.float16)], ids=["one", "float16"])
def test_one_image_and_images_in_half_precision_train(images):
    history = train(small(), images, 4, batch_size=5, report_every=2)
    same = train(small(), images.astype(np.float32), 4, batch_size=5, report_every=2)
    for part in ("loss", "reconstruction", "kl"):
        assert np.isfinite(history[part]).all()
        np.testing.assert_array_equal(history[part], same[part])


@pytest.fixture
def _half_precision():
    before = keras.config.dtype_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    yield
    keras.mixed_precision.set_global_policy(before)


@pytest.mark.usefixtures("_half_precision")
def test_half_precision_is_refused_or_has_its_losses_in_single():
    model = VAE(z_dim=2, h_dim=4, x_dim=6)
    model.compile(keras.optimizers.Adam(1e-3))
    loss, *_ = model.losses_of(IMAGES, model(IMAGES))
    assert loss.dtype == tf.float32
    exact = VAE(z_dim=2, h_dim=4, x_dim=6, dtype="float32")
    assert float(loss) == pytest.approx(float(exact.losses_of(IMAGES, exact(IMAGES))[0]), rel=0.01)
    with refused(ValueError, "float16", "fit", "dtype='mixed_bfloat16'"):
        train(model, IMAGES, 1)


@pytest.mark.slow
@pytest.mark.parametrize("log_var", [-100.0, 100.0])
@pytest.mark.parametrize("loss", [None, IMPORTANCE])
def test_a_log_variance_of_a_hundred_stops_within_a_report_or_is_finite(log_var, loss):
    model = small(loss=loss)
    bias = [v for v in model.encoder.trainable_variables if v.name == "bias"][-1]
    bias.assign(tf.fill(bias.shape, np.float32(log_var)))
    with suppress(FloatingPointError):
        train(model, IMAGES, 4, batch_size=5, report_every=2)
        assert are_finite(model)
    assert np.isfinite(model.history["loss"]).all()


RNG = np.random.default_rng(1)
NEAR = 10.0 ** RNG.uniform(-6, 0, 50) * RNG.choice([-1, 1], 50)
LOG_VAR = np.concatenate([RNG.uniform(-60, 60, 150), NEAR, [-60, 0, 60]])
LOGITS = np.concatenate([RNG.uniform(-80, 80, 150), NEAR, [-80, 0, 80]])
MEAN = RNG.normal(size=LOG_VAR.shape) * 10 ** RNG.uniform(-6, 1, LOG_VAR.shape)
FAR = np.where(np.arange(len(MEAN)) % 2, np.exp(LOG_VAR / 2), 1.0) * RNG.normal(size=MEAN.shape)
ULP = mpmath.mpf(2) ** -23
# By name: how many roundings are allowed, where a pixel less its mean is rounded, too; else one.
ROUNDINGS = {"a Gaussian": 4, "a Gaussian of its own variance": 4, "a discretized logistic": 4}
# Of a log-ratio, not near 0: there (z − mean)² and z² cancel, and only its absolute error is small.
AWAY = RNG.uniform(0.5, 5, LOG_VAR.shape) * RNG.choice([-1, 1], LOG_VAR.shape)


def area(logit):
    return mpmath.log(mpmath.expm1(logit) / logit) if logit else mpmath.mpf(0)


def sigmoid(a):
    return 1 / (1 + mpmath.exp(-a))


SHADE = RNG.choice([0.0, 0.25, 0.5, 1.0], LOGITS.shape)
LEVEL = RNG.choice([0, 1, 64, 128, 254, 255], LOGITS.shape) / 255
LOG_SCALE = RNG.uniform(-60, -2.3, LOGITS.shape)


def bell(x, a, variance):
    return -((x - sigmoid(a)) ** 2 / variance + mpmath.log(2 * mpmath.pi * variance)) / 2


def level_of_a_logistic(x, a, log_scale):
    scale = mpmath.exp(log_scale) + mpmath.exp(-7)
    below, above = [(x + half / mpmath.mpf(510) - sigmoid(a)) / scale for half in (-1, 1)]
    if x < 1 / 510:
        return mpmath.log(sigmoid(above))
    if x > 1 - 1 / 510:
        return mpmath.log(sigmoid(-below))
    if below > 0:  # in the tail where the digits are
        below, above = -above, -below
    return mpmath.log(sigmoid(above) - sigmoid(below))


# By name: a formula, what it is in 150 digits, what it is given, and of how many of that, the last,
# its gradient is taken.
CASES = {
    "the KL term": (
        kl_divergence,
        lambda m, v: (mpmath.exp(v) + m**2 - 1 - v) / 2,
        [MEAN, LOG_VAR],
        2,
    ),
    "the KL term of variances alone": (
        lambda v: kl_divergence(tf.zeros_like(v), v),
        lambda v: (mpmath.exp(v) - 1 - v) / 2,
        [LOG_VAR],
        1,
    ),
    "the log-ratio of importance weights": (
        log_ratio,
        lambda z, m, v: ((z - m) ** 2 * mpmath.exp(-v) + v - z**2) / 2,
        [AWAY + FAR, AWAY, LOG_VAR],
        3,
    ),
}
CASES |= {
    "a coin": (
        bernoulli_log_likelihood,
        lambda x, a: x * a - mpmath.log1p(mpmath.exp(a)),
        [SHADE, LOGITS],
        1,
    ),
    "a continuous Bernoulli": (
        continuous_bernoulli_log_likelihood,
        lambda x, a: x * a - area(a),
        [SHADE, LOGITS],
        1,
    ),
    "a Gaussian": (
        Gaussian(variance=0.1).log_prob,
        lambda x, a: bell(x, a, mpmath.mpf("0.1")),
        [SHADE, LOGITS],
        1,
    ),
    "a Gaussian of its own variance": (
        PixelGaussian().log_prob,
        lambda x, a, v: bell(x, a, mpmath.exp(v) + mpmath.mpf(1) / (12 * 255**2)),
        [SHADE, LOGITS, LOG_VAR],
        2,
    ),
    "a discretized logistic": (
        DiscretizedLogistic().log_prob,
        level_of_a_logistic,
        [LEVEL, LOGITS, LOG_SCALE],
        2,
    ),
}


def slope(exact, k):
    """The derivative of a function by its k-th argument, by differences of 150 digits."""
    h = mpmath.mpf(10) ** -40

    def derivative(*point):
        ends = [exact(*[p + sign * h * (i == k) for i, p in enumerate(point)]) for sign in (1, -1)]
        return (ends[0] - ends[1]) / (2 * h)

    return derivative


def moved(function, point):
    """A function's value, and how far it moves when its arguments move by a unit of rounding."""
    value, far = function(*point), mpmath.mpf(0)
    for i in range(len(point)):
        ends = [[p * (1 + s * ULP * (i == j)) for j, p in enumerate(point)] for s in (1, -1)]
        far += max(abs(function(*end) - value) for end in ends)
    return float(value), float(far)


@pytest.mark.parametrize("compiled_by", ["eager", "XLA"])
@pytest.mark.parametrize("name", CASES)
def test_a_formula_and_its_gradients_are_those_of_150_digits(name, compiled_by):
    formula, exact, given, count = CASES[name]
    inputs = [tf.constant(values[:, None], tf.float32) for values in given]  # (n, 1)

    def with_gradients(*inputs):
        watched = inputs[-count:]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            values = formula(*inputs)  # (n,)
        return [values, *tape.gradient(values, watched)]

    compute = tf.function(with_gradients, jit_compile=True)
    computed = (compute if compiled_by == "XLA" else with_gradients)(*inputs)
    points = [[mpmath.mpf(float(a)) for a in p] for p in np.concatenate(inputs, axis=1)]
    functions = [exact, *(slope(exact, k) for k in range(len(given) - count, len(given)))]
    for got, function in zip(computed, functions, strict=True):
        true, far = np.transpose([moved(function, point) for point in points])
        off = np.abs(np.ravel(got) - true)
        far *= ROUNDINGS.get(name, 1)
        allowed = 1e-5 * np.abs(true) + far + 1e-37  # the last: below, single precision has no more
        worst = np.argmax(off / allowed)
        assert np.isfinite(got).all()
        assert off[worst] <= allowed[worst], (*map(float, points[worst]), true[worst], far[worst])


def test_the_page_of_promises_counts_the_points():
    said = (ROOT / "promises.md").read_text()
    assert f"at {len(LOG_VAR)} log-variances" in said
    assert f"at {len(LOGITS)} pairs of a logit" in said
