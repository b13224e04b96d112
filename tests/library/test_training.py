"""`train` against Keras's `fit` and a plain loop; what it reports, writes and refuses."""

import io
import re
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from tqdm import tqdm

import vae_lib.training
from tests.helpers import assert_same_weights, mentions, refused
from vae_lib.decoder import binarize
from vae_lib.model import VAE
from vae_lib.parameters import ParameterError
from vae_lib.plots import digit_grid
from vae_lib.reparameterization import standard_normal
from vae_lib.tensorflow_quietly import tf
from vae_lib.training import (
    HISTORY,
    STEPS_PER_CALL,
    History,
    compile_steps,
    minibatch_order,
    train,
    train_step,
)


def small_vae(seed=0, learning_rate=1e-3):
    model = VAE(z_dim=3, h_dim=16, seed=seed)
    model.compile(keras.optimizers.Adam(learning_rate))
    return model


def assert_close_weights(a, b):
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        assert np.linalg.norm(v - w) < 1e-4 * np.linalg.norm(w)


# The order of the images


@pytest.mark.parametrize(("n", "batch_size"), [(60, 20), (50, 7), (5, 12)])
def test_every_epoch_has_every_image_once_in_an_order_of_its_own(n, batch_size):
    order = minibatch_order(n, batch_size, 0, 10 * n, seed=0)
    assert order.shape == (10 * n, batch_size)
    assert order.dtype == np.int32
    epochs = order.reshape(-1, n)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(n), (len(epochs), 1)))
    assert len(np.unique(epochs, axis=0)) > len(epochs) / 2  # 5 images repeat one of 5! orders


@pytest.mark.parametrize(("n", "batch_size"), [(60, 20), (50, 7), (5, 12)])
def test_any_part_of_the_order_can_be_had_alone(n, batch_size):
    order = minibatch_order(n, batch_size, 0, 40, seed=3)
    for start, stop in [(0, 1), (0, 25), (7, 8), (13, 40), (39, 40)]:
        np.testing.assert_array_equal(
            minibatch_order(n, batch_size, start, stop, 3), order[start:stop]
        )


def test_every_image_is_as_likely_as_any_other_to_come_first():
    first = [minibatch_order(10, 1, 0, 1, seed).item() for seed in range(2000)]
    counts = np.bincount(first, minlength=10)
    assert np.abs(counts - 200).max() < 4 * np.sqrt(200 * 0.9)


@pytest.mark.parametrize(("n", "batch_size"), [(1, 64), (2, 4000), (7, 64), (600, 64)])
def test_the_order_of_few_images_is_drawn_many_epochs_at_a_time(n, batch_size, monkeypatch):
    made, make = [], np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: made.append(seed) or make(seed))
    minibatch_order(n, batch_size, 0, 1000, seed=0)
    assert len(made) <= 1000 * batch_size / 500 + 1  # a generator an epoch is slow: 64,000 of n = 1


# The same steps as Keras's


@pytest.fixture(scope="module")
def loop(digits):
    """A model after 100 steps of a plain loop, the order of its images, and its losses."""
    model, step = small_vae(), tf.function(train_step)
    order = minibatch_order(len(digits), 64, 0, 100, seed=5)  # 64 does not divide 500
    return model, order, np.array([step(model, tf.constant(digits[rows])) for rows in order])


def test_train_takes_the_steps_of_a_plain_loop(digits, loop):
    by_loop, _, losses = loop
    by_train = small_vae()
    history = train(by_train, digits, 100, report_every=50, seed=5)
    assert_close_weights(by_train, by_loop)
    reports = losses.reshape(2, 50, 3).mean(axis=1)
    for name, expected in zip(("loss", "reconstruction", "kl"), reports.T, strict=True):
        np.testing.assert_allclose(history[name], expected, rtol=1e-4)
    assert history["loss"][1] < 0.9 * history["loss"][0]


@pytest.mark.slow
def test_fit_takes_the_steps_of_a_plain_loop(digits, loop):
    by_loop, order, losses = loop
    by_fit = small_vae()
    history = by_fit.fit(digits[order.ravel()], batch_size=64, shuffle=False, verbose=0).history
    assert_close_weights(by_fit, by_loop)
    reported = [history[name][0] for name in ("loss", "reconstruction", "kl")]
    np.testing.assert_allclose(reported, losses.mean(axis=0), rtol=1e-4)


@pytest.mark.slow
def test_fit_goes_on_where_train_stopped(digits, loop):
    by_loop, order, _ = loop
    by_both = small_vae()
    train(by_both, digits, 40, seed=5)
    assert by_both.optimizer.iterations == 40
    by_both.fit(digits[order[40:].ravel()], batch_size=64, shuffle=False, verbose=0)
    assert by_both.optimizer.iterations == 100
    assert_close_weights(by_both, by_loop)


def test_train_step_is_adam_on_the_gradient_of_the_reported_loss(digits):
    model, x = small_vae(), tf.constant(digits[:64])
    noise = model.training_noise.state.numpy()
    with tf.GradientTape() as tape:
        expected = model.compute_loss(x=x, y_pred=model(x, training=True))
    gradients = tape.gradient(expected, model.trainable_variables)
    model.training_noise.state.assign(noise)
    before = model.get_weights()
    loss, reconstruction, kl = train_step(model, x).numpy()
    assert loss == pytest.approx(float(expected), rel=1e-6)
    assert loss == pytest.approx(reconstruction + kl, rel=1e-6)
    assert model.optimizer.iterations == 1
    for after, start, gradient in zip(model.get_weights(), before, gradients, strict=True):
        gradient = np.asarray(gradient, float)
        # Adam's first step, 1e-3 in the direction of the sign, but for tiny gradients.
        large = np.abs(gradient) > 0.01
        step = -1e-3 * np.sign(gradient)
        np.testing.assert_allclose((after - start)[large], step[large], rtol=1e-3, atol=1e-7)
        assert large.any()


@pytest.mark.slow
def test_binarized_training_shows_new_coins_at_each_step(digits):
    by_loop, by_train = small_vae(), small_vae()
    step, order = tf.function(train_step), minibatch_order(len(digits), 64, 0, 30, seed=5)
    losses = [step(by_loop, binarize(digits[rows], (5, i))).numpy() for i, rows in enumerate(order)]
    history = train(by_train, digits, 30, report_every=15, binarize=True, seed=5)
    assert_close_weights(by_train, by_loop)
    reports = np.reshape(losses, (2, 15, 3)).mean(axis=1)
    for name, expected in zip(("loss", "reconstruction", "kl"), reports.T, strict=True):
        np.testing.assert_allclose(history[name], expected, rtol=1e-4)


# One run, several runs


@pytest.fixture(scope="module")
def run(digits):
    """A model after 25 iterations, and what was reported: after 10, 20 and 25."""
    model = small_vae()
    return model, train(model, digits, 25, report_every=10)


@pytest.mark.slow
def test_two_calls_do_what_one_does_where_pixels_are_coins_too(digits, monkeypatch):
    whole, parts = small_vae(), small_vae()
    train(whole, digits, 12, binarize=True)
    monkeypatch.setattr(vae_lib.training, "STEPS_PER_CALL", 5)
    train(parts, digits, 7, binarize=True)
    train(parts, digits, 5, binarize=True)
    assert_same_weights(whole, parts)
    gray = small_vae()
    train(gray, digits, 12)
    assert not np.array_equal(gray.get_weights()[0], whole.get_weights()[0])


@pytest.mark.parametrize("coins", [False, True])
def test_large_minibatches_come_fewer_in_a_call(digits, monkeypatch, coins):
    whole, parts = small_vae(), small_vae()
    train(whole, digits, 25, report_every=10, binarize=coins)
    monkeypatch.setattr("vae_lib.support.numbers.MANY", 3 * 64)
    monkeypatch.setattr(vae_lib.training, "MANY", 3 * 64)
    train(parts, digits, 25, report_every=10, binarize=coins)
    assert_same_weights(whole, parts)


def test_a_minibatch_may_be_larger_than_all_images(digits):
    history = train(small_vae(), digits, 2, batch_size=20_000, report_every=1)
    assert np.isfinite(history["loss"]).all()


@pytest.mark.slow
def test_two_calls_do_what_one_does_bit_for_bit(digits, run, monkeypatch):
    monkeypatch.setattr(vae_lib.training, "STEPS_PER_CALL", 7)  # nor does the cutting matter
    model = small_vae()
    first = train(model, digits, 20, report_every=10)
    second = train(model, digits, 5)
    assert_same_weights(model, run[0])
    both = first + second
    assert tuple(both) == HISTORY
    for name in ("iteration", "samples"):
        np.testing.assert_array_equal(both[name], run[1][name])
    for name in ("loss", "reconstruction", "kl"):
        np.testing.assert_allclose(both[name], run[1][name], rtol=1e-6)


@pytest.mark.slow
def test_the_seed_decides_every_number(digits, run):
    again, other = small_vae(), small_vae()
    history = train(again, digits, 25, report_every=10)
    train(other, digits, 25, seed=1)
    assert_same_weights(again, run[0])
    assert not np.array_equal(other.get_weights()[0], run[0].get_weights()[0])
    for name in HISTORY:
        np.testing.assert_array_equal(history[name], run[1][name])


@pytest.mark.slow
def test_a_second_training_of_a_model_compiles_nothing(digits, monkeypatch):
    made = []
    compile_one = vae_lib.training._compile
    monkeypatch.setattr(
        vae_lib.training, "_compile", lambda *given: made.append(given) or compile_one(*given)
    )

    model, other = small_vae(), small_vae()
    train(model, digits, 2)
    train(model, digits[::-1], 3)
    assert compile_steps(model, len(digits), 64) is compile_steps(model, len(digits), 64)
    assert len(made) == 1
    train(model, digits[:100], 1)  # another number of images
    train(model, digits, 1, batch_size=32)
    train(model, digits, 1, binarize=True)
    train(other, digits, 1)
    model.compile(keras.optimizers.Adam(0.1))
    weights = model.get_weights()
    train(model, digits, 1)
    assert len(made) == 6
    largest = max(abs(a - b).max() for a, b in zip(weights, model.get_weights(), strict=True))
    assert largest > 0.09  # the new optimizer's step


@pytest.mark.parametrize("coins", [False, True])
def test_one_compilation_serves_any_number_of_steps(coins):
    model = VAE(z_dim=2, h_dim=6, x_dim=30)
    model.compile(keras.optimizers.Adam())
    steps = compile_steps(model, 20, 4, coins)
    x, order = tf.zeros((20, 30)), tf.zeros(STEPS_PER_CALL * 4, tf.int32)
    of_xla = tf.function(lambda n: steps(x, order, n, tf.constant(0, tf.int64)), jit_compile=True)
    texts = [of_xla.experimental_get_compiler_ir(tf.constant(n))(stage="hlo") for n in (3, 5)]
    assert texts[0] == texts[1]  # else XLA would compile each number anew


@pytest.mark.slow
def test_models_that_are_trained_by_turns_are_compiled_once_each(monkeypatch):
    traced, step = [], train_step
    monkeypatch.setattr(
        vae_lib.training, "train_step", lambda *given: traced.append(given) or step(*given)
    )
    models = [VAE(z_dim=2, h_dim=4, x_dim=4) for _ in range(10)]
    for model in models:
        model.compile(keras.optimizers.SGD())
        train(model, np.ones((3, 4)), 1, batch_size=2)
    first = len(traced)
    assert first >= 10
    for model in models:
        train(model, np.ones((3, 4)), 1, batch_size=2)
    assert len(traced) == first


@pytest.mark.slow
def test_a_model_that_starts_again_with_a_seed_is_a_new_model_with_that_seed(digits):
    new, model = small_vae(seed=5), small_vae(seed=2)
    train(model, digits, 4)
    model.evaluate(digits, verbose=0)
    model.restart(5)
    assert_same_weights(model, new)
    assert model.get_config() == {**new.get_config(), "name": model.name}
    history, expected = (train(each, digits, 30, report_every=10) for each in (model, new))
    assert_same_weights(model, new)
    for name in HISTORY:
        np.testing.assert_array_equal(history[name], expected[name])
    losses = [each.evaluate(digits, verbose=0, return_dict=True) for each in (model, new)]
    assert losses[0] == losses[1]
    rates = [float(each.optimizer.learning_rate) for each in (model, new)]
    assert rates[0] == rates[1]


def test_a_model_without_an_optimizer_can_start_again():
    model = VAE(z_dim=3, h_dim=16)
    model.restart(1)
    assert_same_weights(model, VAE(z_dim=3, h_dim=16, seed=1))


def test_a_bad_seed_leaves_the_model_as_it_was():
    model = small_vae()
    with refused(ParameterError, "seed", -1, 0, "2,147,483,647"):
        model.restart(-1)
    assert_same_weights(model, small_vae())


# What is reported


@pytest.mark.slow
def test_a_report_averages_what_came_since_the_one_before(digits, run):
    each, tens = train(small_vae(), digits, 25, report_every=1), run[1]
    assert tuple(tens) == HISTORY
    np.testing.assert_array_equal(each["iteration"], np.arange(1, 26))
    np.testing.assert_array_equal(tens["iteration"], [10, 20, 25])  # the last is shorter
    for name in ("loss", "reconstruction", "kl"):
        parts = np.split(each[name], [10, 20])
        np.testing.assert_allclose(tens[name], [part.mean() for part in parts], rtol=1e-5)
    for history in (each, tens):
        total = history["reconstruction"] + history["kl"]
        np.testing.assert_allclose(history["loss"], total, rtol=1e-5)


def test_a_history_shows_the_first_report_and_the_last():
    numbers = {"iteration": [1, 1000, 20_000], "loss": [1541.26, 7.0, 104.0]}
    numbers |= {"reconstruction": [512.0, 7.0, 79.31], "kl": [29.31, 7.0, 25.0]}
    history = History({name: np.array(values) for name, values in numbers.items()})
    assert repr(history) == (
        "History: reports 3, iterations 1 to 20,000\n"
        "loss 1,541.3 to 104.0, reconstruction 512.0 to 79.3, KL 29.3 to 25.0 nats"
    )
    last = History({name: values[-1:] for name, values in history.items()})
    assert repr(last) == (
        "History: reports 1, iterations 20,000\nloss 104.0, reconstruction 79.3, KL 25.0 nats"
    )


def test_the_map_names_files_and_functions_that_are_there():
    folder = Path(vae_lib.training.__file__).parent
    places = re.findall(r"^    (\S+\.py) +`(\w+)`", vae_lib.training.__doc__, re.M)
    assert len(places) == 8
    for file, name in places:
        assert re.search(rf"^ *(def|class) {name}\b", (folder / file).read_text(), re.M)
    for file in re.findall(r"\S+\.py", vae_lib.training.__doc__):
        assert (folder / file).exists()


@pytest.mark.slow
def test_samples_are_the_mean_images_of_fixed_draws_of_the_prior(run):
    model, history = run
    assert history["samples"].shape == (3, 16, 784)
    assert not np.array_equal(history["samples"][1], history["samples"][2])
    z = standard_normal((16, 3), (0, 0))
    np.testing.assert_array_equal(history["samples"][-1], model.decode(z))


@pytest.mark.slow
def test_the_samples_are_written_as_numbered_pictures(digits, tmp_path):
    out = tmp_path / "new" / "out"
    samples = train(small_vae(), digits, 3, report_every=2, out=str(out))["samples"]
    assert sorted(path.name for path in out.iterdir()) == ["000.png", "001.png"]
    assert plt.get_fignums() == []
    for number, images in enumerate(samples):
        figure = digit_grid(images, columns=4)
        figure.savefig(tmp_path / "expected.png")
        plt.close(figure)
        picture = plt.imread(out / f"{number:03d}.png")
        np.testing.assert_array_equal(picture, plt.imread(tmp_path / "expected.png"))


@pytest.mark.slow
def test_a_second_training_numbers_its_pictures_on(digits, tmp_path):
    model = small_vae()
    train(model, digits, 2, report_every=1, out=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    train(model, digits, 2, report_every=1, out=tmp_path)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(after) == ["000.png", "001.png", "002.png", "003.png"]
    assert after.items() > before.items()
    assert len(set(after.values())) == 4


@pytest.mark.slow
def test_the_progress_bar_reaches_its_end(digits, monkeypatch):
    bars = []

    def progress_bar(total, lines, **options):
        bars.append(tqdm(total=total, file=io.StringIO(), disable=False, **options))
        return bars[-1]

    monkeypatch.setattr(vae_lib.training, "progress_bar", progress_bar)
    monkeypatch.setattr(vae_lib.training, "STEPS_PER_CALL", 2)
    train(small_vae(), digits, 5, report_every=3)
    (bar,) = bars
    assert bar.n == bar.total == 5
    assert "5/5" in bar.fp.getvalue()
    assert bar.disable  # closed


@pytest.mark.parametrize(
    ("kind", "copies"),
    [(tf.constant, 0), (lambda x: tf.reshape(tf.constant(x), (-1, 28, 28)), 0), (np.array, 1)],
    ids=["tensor", "pictures", "array"],
)
def test_a_tensor_of_images_is_not_copied(digits, kind, copies, monkeypatch):
    made = []

    def constant(value, *args):
        made.append(value)
        return tf.convert_to_tensor(value, *args)

    x = kind(digits)
    monkeypatch.setattr(vae_lib.training.tf, "constant", constant)
    train(small_vae(), x, 1, batch_size=10)
    assert sum(np.shape(value) == digits.shape for value in made) == copies


@pytest.mark.slow
def test_nothing_is_printed_where_nobody_watches(python):
    """In a process of its own: TensorFlow says most the first time, unless vae_lib starts it."""
    code = """if True:
        import numpy as np
        from vae_lib.model import VAE
        from vae_lib.tensorflow_quietly import keras
        from vae_lib.training import train
        model = VAE(z_dim=2, h_dim=8)
        model.compile(keras.optimizers.Adam())
        train(model, np.zeros((50, 784)), 3, batch_size=10)
    """
    run = python(code, TQDM_DISABLE="")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# What is refused


COUNT = ("whole", 1, "10,000,000")


@pytest.mark.parametrize(
    ("x", "parts"),
    [
        (np.zeros((9, 28, 27)), ("(9, 28, 27)", "(n, 784)", "x_dim=756")),
        (np.zeros((9, 783)), ("(9, 783)", "(n, 784)")),
        (np.zeros(783), ("(783,)", "(n, 784)")),
        (np.zeros((0, 784)), ("(0, 784)", "(n, 784)")),
        (np.tile(np.uint8([3, 255]), (9, 392)), (3, 255, 0, 1, 255)),  # the last divides bytes
        (np.full((9, 784), -0.1), (-0.1, -0.1, 0, 1)),
        (np.full((9, 784), np.nan), (7056, "finite", "image 0", 0, 1)),
    ],
)
def test_images_that_cannot_be_trained_on_are_refused(x, parts, tmp_path):
    with refused(ValueError, "x", *parts):
        train(small_vae(), x, 1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()  # refused before any work


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        *[("iterations", value, COUNT) for value in (0, -1, 2.5, "1000")],
        *[("batch_size", value, COUNT) for value in (0, 6.4)],
        *[("report_every", value, COUNT) for value in (0, 1.5, True)],
        ("binarize", 1, (True, False)),
        ("seed", -1, ("whole", 0, "2,147,483,647")),
    ],
)
def test_a_bad_argument_is_named_with_its_value_and_what_it_may_be(
    argument, value, allowed, digits
):
    with refused(ParameterError, argument, repr(value), *allowed):
        train(small_vae(), digits, **{"iterations": 1} | {argument: value})


def test_a_model_that_is_not_compiled_is_refused(digits):
    with refused(ValueError, "optimizer", "model.compile"):
        train(VAE(z_dim=3, h_dim=16), digits, 1)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_training_and_says_when(digits):
    with refused(FloatingPointError, "loss", 0, 20, "learning rate") as caught:
        train(small_vae(learning_rate=1e4), digits, 40, report_every=20)
    assert mentions(str(caught.value), "nan") or mentions(str(caught.value), "inf")


@pytest.mark.parametrize("out", [5, b"samples", __file__, "/dev/null/samples"])
def test_a_folder_that_cannot_be_written_into_is_refused_before_any_work(digits, out):
    model = small_vae()
    with refused(ValueError, "out", out, "folder"):
        train(model, digits, 1, out=out)
    assert model.optimizer.iterations == 0
