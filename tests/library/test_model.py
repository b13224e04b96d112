"""The joined model: what Keras promises of a model holds, and its numbers are NumPy's."""

import gc
import weakref

import keras
import numpy as np
import pytest
from scipy import special, stats

import vae_lib.model
from tests.helpers import assert_same_weights, refused
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.model import VAE, load_model
from vae_lib.parameters import ParameterError
from vae_lib.tensorflow_quietly import tf
from vae_lib.training import minibatch_order, train, train_step


def small_vae(seed=0, **changes):
    model = VAE(**{"z_dim": 3, "h_dim": 16, "seed": seed} | changes)
    model.compile(keras.optimizers.Adam(3e-3))
    return model


@pytest.fixture
def no_noise(monkeypatch):
    """Let ε be 0, so that z is the mean."""
    monkeypatch.setattr(vae_lib.model, "standard_normal", lambda shape, seed: tf.zeros(shape))


def numpy_loss(model, x, outputs):
    """Both parts of the loss of each image, by SciPy in double precision."""
    mean, log_var, logits = (np.asarray(outputs[k], float) for k in ("mean", "log_var", "logits"))
    p = special.expit(logits)
    if model.config["likelihood"] == "bernoulli":
        log_likelihood = special.xlogy(x, p) + special.xlog1py(1.0 - x, -p)
    else:
        log_likelihood = stats.norm.logpdf(x, p, model.config["variance"] ** 0.5)
    variance = np.exp(log_var)
    cross_entropy = 0.5 * (np.log(2 * np.pi) + mean**2 + variance)
    kl = cross_entropy - stats.norm(mean, np.sqrt(variance)).entropy()
    return -log_likelihood.sum(axis=1), kl.sum(axis=1)


# The architecture and one forward pass


def test_the_default_sizes_are_those_of_the_notebook_that_the_book_grew_from():
    x_dim, h_dim, z_dim = 784, 128, 100
    encoder = [(x_dim, h_dim), (h_dim,), (h_dim, z_dim), (z_dim,), (h_dim, z_dim), (z_dim,)]
    decoder = [(z_dim, h_dim), (h_dim,), (h_dim, x_dim), (x_dim,)]
    model = VAE()
    assert [w.shape for w in model.trainable_variables] == encoder + decoder
    assert model.count_params() == sum(np.prod(shape) for shape in encoder + decoder)


def test_encoder_and_decoder_do_not_start_alike():
    model = VAE(z_dim=50, h_dim=50, x_dim=50)  # every kernel has the same shape
    kernels = np.array([w.ravel() for w in model.get_weights() if w.ndim == 2])
    correlation = np.corrcoef(kernels) - np.eye(len(kernels))
    assert len(kernels) == 5
    assert np.abs(correlation).max() < 5 / 50


def test_call_returns_the_named_tensors_of_one_pass(digits, monkeypatch):
    eps = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    monkeypatch.setattr(vae_lib.model, "standard_normal", lambda shape, seed: eps)
    model, x = small_vae(), digits[:7]
    outputs = model(x)
    shapes = {"mean": (7, 3), "log_var": (7, 3), "z": (7, 3), "logits": (7, 784)}
    assert {name: tuple(tensor.shape) for name, tensor in outputs.items()} == shapes
    mean, log_var = (t.numpy() for t in model.encoder(x))
    np.testing.assert_allclose(outputs["mean"], mean)
    np.testing.assert_allclose(outputs["log_var"], log_var)
    z = mean + np.exp(log_var) ** 0.5 * eps
    np.testing.assert_allclose(outputs["z"], z, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs["logits"], model.decoder(z), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.decode(z), special.expit(outputs["logits"]), rtol=1e-4)


@pytest.mark.parametrize("training", [False, True])
def test_every_pass_draws_new_noise(digits, training):
    model = small_vae()
    first, second = (model(digits[:7], training=training) for _ in range(2))
    np.testing.assert_array_equal(first["mean"], second["mean"])
    assert not np.isin(first["z"], second["z"]).any()


@pytest.mark.parametrize(
    "likelihood", [{}, {"likelihood": "gaussian"}, {"likelihood": "gaussian", "variance": 0.1}]
)
def test_the_loss_is_minus_the_elbo_averaged_over_the_images(likelihood, digits):
    model, x = small_vae(**likelihood), digits[:64]
    outputs = model(x, training=True)
    reconstruction, kl = numpy_loss(model, x, outputs)
    for ours, expected in zip(model.terms(x, outputs), (reconstruction, kl), strict=True):
        assert ours.shape == (64,)
        np.testing.assert_allclose(ours, expected, rtol=1e-4)
    loss = model.compute_loss(x=x, y_pred=outputs)
    assert float(loss) == pytest.approx(np.mean(reconstruction + kl), rel=1e-5)


# An ordinary Keras model


@pytest.mark.slow
def test_fit_lowers_the_loss_and_reports_its_parts_with_callbacks(digits, tmp_path):
    model = small_vae()
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", min_delta=1e6, patience=2),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
    ]
    x, x_val = digits[:400], digits[400:]
    run = model.fit(
        x, epochs=9, validation_data=(x_val,), callbacks=callbacks, batch_size=50, verbose=0
    )
    names = {"loss", "reconstruction", "kl"}
    assert set(run.history) == names | {f"val_{name}" for name in names}
    assert len(run.history["loss"]) == 3  # stopped early, as asked
    assert run.history["loss"][-1] < 0.9 * run.history["loss"][0]
    for prefix in ("", "val_"):
        parts = [np.array(run.history[prefix + name]) for name in ("reconstruction", "kl")]
        np.testing.assert_allclose(run.history[prefix + "loss"], sum(parts), rtol=1e-5)
    assert_same_weights(keras.models.load_model(tmp_path / "best.keras"), model)


def test_evaluate_averages_over_images_though_the_last_batch_is_partial(digits, no_noise):
    model, x = small_vae(), digits[:100]
    reconstruction, kl = numpy_loss(model, x, model(x))
    result = model.evaluate(x, batch_size=64, return_dict=True, verbose=0)
    expected = {"reconstruction": reconstruction.mean(), "kl": kl.mean()}
    expected["loss"] = sum(expected.values())
    assert result == pytest.approx(expected, rel=1e-5)


def test_sample_weights_are_refused_and_not_ignored(digits):
    with refused(ValueError, "sample_weight"):
        small_vae().evaluate(digits[:64], digits[:64], sample_weight=np.ones(64), verbose=0)


@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
@pytest.mark.parametrize(
    "given",
    [{"y": [1.0]}, {"sample_weight": [1.0]}, {"class_weight": {0: 1.0}}],
    ids=lambda g: next(iter(g)),
)
def test_what_is_given_besides_images_is_refused_for_a_minibatch_too(digits, method, given):
    if "class_weight" in given and method == "test_on_batch":
        pytest.skip("test_on_batch has no such argument")
    with refused(ValueError, *given, "images"):
        getattr(small_vae(), method)(digits[:1], **given)


def test_predict_returns_the_outputs_of_every_image(digits):
    model, x = small_vae(), digits[:100]
    outputs = model.predict(x, batch_size=64, verbose=0)
    assert {name: array.shape for name, array in outputs.items()} == {
        "mean": (100, 3),
        "log_var": (100, 3),
        "z": (100, 3),
        "logits": (100, 784),
    }
    np.testing.assert_allclose(outputs["mean"], model.encoder(x)[0], rtol=1e-4, atol=1e-5)


# What a reader sees of it


def lines_of(model):
    """What a model shows: the call that makes it, its number of weights, how far it is."""
    call, weights, stage = repr(model).splitlines()
    return call, weights, stage


@pytest.mark.parametrize("arguments", [{}, {"likelihood": "gaussian", "variance": 0.3}])
def test_it_shows_the_call_that_makes_its_like_and_its_number_of_weights(arguments):
    model = VAE(z_dim=3, h_dim=16, seed=4, **arguments)
    call, weights, stage = lines_of(model)
    assert eval(call).config == model.config
    assert ("variance" in call) == bool(arguments)
    # 785·16 + 2·17·3 of the encoder, 4·16 + 17·784 of the decoder
    assert weights == "26,054 weights"
    assert stage == "not compiled, at iteration 0"


@pytest.mark.slow
def test_it_shows_how_far_its_optimizer_is_also_when_it_is_loaded(digits, tmp_path):
    model = small_vae()
    assert lines_of(model)[2] == "Adam at iteration 0"
    model.fit(digits[:320], batch_size=10, verbose=0)
    model.optimizer.iterations.assign_add(1000)
    assert lines_of(model)[2] == "Adam at iteration 1,032"
    model.save(tmp_path / "vae.keras")
    assert repr(keras.models.load_model(tmp_path / "vae.keras")) == repr(model)
    with_weights_alone = keras.models.load_model(tmp_path / "vae.keras", compile=False)
    assert lines_of(with_weights_alone)[2] == "not compiled, at iteration 0"


def test_a_model_of_one_s_own_shows_itself_under_its_name_inside_a_graph_too(digits):
    class Mine(VAE):
        def call(self, x, training=False):
            shown.append(repr(self))
            return super().call(x, training)

    shown = []
    model = Mine(z_dim=3, h_dim=16)
    model.compile(keras.optimizers.SGD())
    model.fit(digits[:64], verbose=0)
    assert shown[0].startswith("Mine(z_dim=3, h_dim=16,")
    assert shown[0].endswith("SGD at iteration 0")


# Saving


@pytest.mark.slow
def test_training_goes_on_from_a_saved_model_as_without_the_stop(digits, tmp_path):
    x, epoch = digits[:200], {"shuffle": False, "batch_size": 64, "verbose": 0}
    model = small_vae(likelihood="gaussian", variance=0.2)
    model.fit(x, **epoch)
    model.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    assert loaded.config == model.config
    assert_same_weights(loaded, model)
    for ours, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    outputs, expected = loaded(x), model(x)
    for name in expected:
        np.testing.assert_array_equal(outputs[name], expected[name])
    history = [m.fit(x, **epoch).history for m in (loaded, model)]
    assert history[0] == history[1]
    assert_same_weights(loaded, model)


def test_weights_alone_can_be_saved(digits, tmp_path):
    model, other = small_vae(seed=1), small_vae(seed=2)
    model.save_weights(tmp_path / "vae.weights.h5")
    other.load_weights(tmp_path / "vae.weights.h5")
    assert_same_weights(other, model)
    np.testing.assert_array_equal(other(digits[:9])["logits"], model(digits[:9])["logits"])


# Reproducibility


def fitted(x, seed=0, **options):
    model = small_vae(seed)
    model.fit(x, epochs=2, batch_size=64, shuffle=False, verbose=0, **options)
    return model


@pytest.mark.slow
def test_the_seed_decides_every_number_and_evaluating_changes_none(digits):
    x = digits[:128]
    model = fitted(x)
    assert_same_weights(fitted(x, validation_data=(digits[128:256],)), model)
    assert_same_weights(fitted(x), model)
    assert not np.array_equal(fitted(x, seed=1).get_weights()[0], model.get_weights()[0])


def test_the_seed_decides_the_noise_also_with_equal_weights(digits):
    model, other = small_vae(seed=1), small_vae(seed=2)
    other.set_weights(model.get_weights())
    assert not np.isin(model(digits[:9])["z"], other(digits[:9])["z"]).any()


# Bad arguments


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("z_dim", 0, (1, "10,000")),
        ("z_dim", 2.5, ("whole", 1, "10,000")),
        ("h_dim", -1, (1, "10,000")),
        ("x_dim", 0, (1, "10,000,000")),
        ("likelihood", "poisson", ("'bernoulli'", "'gaussian'")),
        ("seed", -1, (0, "2,147,483,647")),
        *[("variance", v, ("finite", 0)) for v in (0, -1.0, float("nan"), float("inf"), "one")],
    ],
)
def test_a_bad_argument_is_named_with_its_value_and_what_it_may_be(argument, value, allowed):
    with refused(ParameterError, argument, repr(value), *allowed):
        VAE(**{"likelihood": "gaussian"} | {argument: value})


# One loss, whoever trains


class Weighted(VAE):
    """A β-VAE."""

    def objective(self, reconstruction, kl):
        return reconstruction + 50.0 * kl


def penalized(model):
    """Give a model a regularizer and a layer that adds a loss of its own."""
    model.encoder.hidden[0].kernel.regularizer = keras.regularizers.L2(3.0)
    model.encoder.hidden[0].activity_regularizer = keras.regularizers.L1(0.01)
    return model


def ways_to_step(x, seed=0):
    order = minibatch_order(len(x), len(x), 0, 1, seed)[0]

    def by_fit(model):
        model.fit(x[order], batch_size=len(x), shuffle=False, verbose=0)

    def by_train(model):
        train(model, x, 1, batch_size=len(x), seed=seed)

    def by_step(model):
        train_step(model, tf.constant(x[order]))

    return by_fit, by_train, by_step


@pytest.mark.slow
@pytest.mark.parametrize("make", [Weighted, lambda **k: penalized(VAE(**k))], ids=["β", "penalty"])
def test_every_way_to_train_minimizes_the_same(digits, make):
    models = []
    for step in ways_to_step(digits[:50]):
        model = make(z_dim=3, h_dim=16, seed=1)
        model.compile(keras.optimizers.SGD(1e-4))
        step(model)
        models.append(model.get_weights())
    plain = VAE(z_dim=3, h_dim=16, seed=1)
    plain.compile(keras.optimizers.SGD(1e-4))
    ways_to_step(digits[:50])[2](plain)
    for first, *others in zip(*models, strict=True):
        for other in others:
            np.testing.assert_allclose(other, first, atol=1e-7)
    assert any(abs(a - b).max() > 1e-5 for a, b in zip(models[0], plain.get_weights(), strict=True))


def test_reports_keep_their_meaning_under_another_objective(digits):
    x = digits[:50]
    model, plain = Weighted(z_dim=3, h_dim=16), VAE(z_dim=3, h_dim=16)
    for each in (model, plain):
        each.compile(keras.optimizers.Adam())
    told, true = (m.evaluate(x, verbose=0, return_dict=True) for m in (model, plain))
    assert told["reconstruction"] == pytest.approx(true["reconstruction"], rel=1e-6)
    assert told["kl"] == pytest.approx(true["kl"], rel=1e-6)
    assert told["loss"] == pytest.approx(true["reconstruction"] + 50 * true["kl"], rel=1e-5)


@pytest.mark.parametrize(
    "setting",
    [{"gradient_accumulation_steps": 2}, {"loss_scale_factor": 1000.0}, {"use_ema": True}],
    ids=lambda setting: next(iter(setting)),
)
def test_train_refuses_what_only_fit_does_with_an_optimizer(digits, setting):
    model = VAE(z_dim=2, h_dim=4)
    model.compile(keras.optimizers.SGD(1e-4, **setting))
    with refused(ValueError, *setting, "fit"):
        train(model, digits, 1)


def test_train_refuses_a_loss_that_was_set_on_the_model(digits):
    model = small_vae()
    model.compute_loss = lambda *args, **kwargs: 0.0
    with refused(ValueError, "compute_loss", "objective", "fit"):
        train(model, digits, 1)


@pytest.mark.parametrize("method", ["compute_loss", "train_step"])
def test_train_refuses_what_only_fit_would_call(digits, method):
    other = type("Other", (VAE,), {method: lambda self, *args, **kwargs: 0.0})(z_dim=2, h_dim=4)
    other.compile(keras.optimizers.Adam())
    with refused(ValueError, "Other", method, "objective", "fit"):
        train(other, digits, 1)


@pytest.mark.parametrize(
    "given", [{"loss": "mse"}, {"loss_weights": [9.0]}, {"metrics": ["mse"]}], ids=str
)
def test_compile_refuses_what_it_would_not_use(given):
    with refused(ValueError, *given, "VAE.objective"):
        VAE(z_dim=2, h_dim=4).compile(keras.optimizers.Adam(), **given)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
@pytest.mark.parametrize("name", ["y", "sample_weight", "class_weight"])
def test_keras_is_given_images_alone(digits, method, name):
    if (method, name) == ("evaluate", "class_weight"):
        pytest.skip("evaluate has no such argument")
    model = small_vae()
    with refused(ValueError, name, "images"):
        getattr(model, method)(digits[:8], **{name: np.ones(8)}, verbose=0)
    with refused(ValueError, "validation_data", "images"):
        model.fit(digits[:8], validation_data=(digits[:8], digits[:8]), verbose=0)


# What it is does not change behind its back


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("likelihood", "gaussian"),
        ("z_dim", 5),
        ("h_dim", 5),
        ("x_dim", 9),
        ("variance", 0.5),
        ("seed", 5),
    ],
)
def test_what_it_was_made_with_cannot_be_set(name, value):
    model = VAE(z_dim=2, h_dim=4)
    with pytest.raises(AttributeError, match=name):
        setattr(model, name, value)
    assert getattr(model, name) != value


def test_its_configuration_cannot_be_changed():
    with pytest.raises(TypeError):
        VAE(z_dim=2, h_dim=4).config["variance"] = 0.01


def test_a_restart_goes_back_to_the_learning_rate_that_was_compiled():
    model = small_vae()
    model.optimizer.learning_rate = 0.5
    model.restart(1)
    assert float(model.optimizer.learning_rate) == pytest.approx(3e-3)


def train_a_little(model, x):
    if model.dtype_policy.name == "mixed_float16":
        model.fit(x, batch_size=10, shuffle=False, verbose=0)
    else:
        train(model, x, 3, batch_size=10)


@pytest.mark.parametrize(
    ("policy", "freeze"), [("float32", False), ("float32", True), ("mixed_float16", False)]
)
def test_a_restart_is_a_new_model(digits, policy, freeze):
    model, new = small_vae(dtype=policy), small_vae(seed=1, dtype=policy)
    train_a_little(model, digits[:30])
    model.encoder.trainable = new.encoder.trainable = not freeze
    for _ in range(2):  # it can be done again
        model.restart(1)
        train_a_little(model, digits[:30])
    train_a_little(new, digits[:30])
    assert_same_weights(model, new)


def test_a_loaded_model_restarts_with_the_learning_rate_that_was_compiled(tmp_path):
    model = small_vae()
    model.optimizer.learning_rate = 0.5
    model.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    assert float(loaded.optimizer.learning_rate) == pytest.approx(0.5)
    loaded.restart(1)
    assert float(loaded.optimizer.learning_rate) == pytest.approx(3e-3)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_saved_model_goes_on_whatever_its_precision(digits, policy, tmp_path):
    model, straight = small_vae(dtype=policy), small_vae(dtype=policy)
    for each in (model, straight):
        train_a_little(each, digits[:30])
    model.save(tmp_path / "vae.keras")
    model = load_model(tmp_path / "vae.keras")
    kinds = {layer.dtype_policy.name for layer in [model, model.encoder, model.encoder.hidden[0]]}
    assert kinds == {policy}
    for each in (model, straight):
        train_a_little(each, digits[:30])
    assert_same_weights(model, straight)


@pytest.mark.parametrize("path", ["", 3, None])
def test_what_is_no_path_of_a_model_is_refused(path):
    with refused(ValueError, "path", repr(path), ".keras"):
        load_model(path)


def test_frozen_weights_stay_frozen_in_a_file_and_the_optimizer_goes_on(digits, tmp_path):
    model, straight = small_vae(), small_vae()
    for each in (model, straight):
        each.encoder.trainable = False
        each.compile(keras.optimizers.Adam(3e-3))
        train_a_little(each, digits[:30])
    model.save(tmp_path / "vae.keras")
    model = load_model(tmp_path / "vae.keras")
    for each in (model, straight):
        train_a_little(each, digits[:30])
    assert model.optimizer.iterations == 6
    assert_same_weights(model, straight)
    model.encoder.trainable = True
    assert len(model.trainable_variables) == len(small_vae().trainable_variables)


def frozen(model):
    model.trainable = False
    model.compile(keras.optimizers.Adam())


def unfrozen(model):
    model.encoder.trainable = False
    model.compile(keras.optimizers.Adam())
    model.encoder.trainable = True


def with_anothers_optimizer(model):
    other = small_vae()
    model.compile(other.optimizer)
    other.compile(model.optimizer)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (frozen, ("frozen", "trainable = True")),
        (unfrozen, ("weights", "model.compile", "optimizer")),
        (with_anothers_optimizer, ("weights", "model.compile", "optimizer")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_train_says_what_is_wrong_with_the_weights_and_their_optimizer(digits, change, parts):
    model = small_vae()
    change(model)
    with refused(ValueError, *parts):
        train(model, digits, 1)


@pytest.mark.parametrize("model", [VAE, np.zeros((3, 784)), keras.Sequential()], ids=repr)
def test_what_is_trained_is_a_vae(digits, model):
    with refused(ValueError, "model", type(model).__name__, "VAE"):
        train(model, digits, 1)


def test_what_is_left_out_is_named(digits):
    with refused(ValueError, "optimizer", None):
        VAE(z_dim=2, h_dim=4).compile(None)
    for method in ("fit", "evaluate", "train_on_batch"):
        with refused(ValueError, "x", "images"):
            getattr(small_vae(), method)(None)
    forgetful = type("Forgetful", (VAE,), {"objective": lambda self, reconstruction, kl: None})
    model = forgetful(z_dim=2, h_dim=4)
    model.compile(keras.optimizers.Adam())
    with pytest.raises(ValueError, match="objective returned None; it may return"):
        train(model, digits, 1)


def test_an_optimizer_comes_in_through_compile(digits):
    model = small_vae()
    model.optimizer = keras.optimizers.SGD(0.1)
    never_compiled = VAE(z_dim=2, h_dim=4)
    never_compiled.optimizer = keras.optimizers.SGD(0.1)
    for each in (model, never_compiled):
        for call in (lambda m=each: train(m, digits, 1), lambda m=each: m.restart(1)):
            with refused(ValueError, "model.optimizer", "model.compile(optimizer)"):
                call()


@pytest.mark.slow
def test_frozen_weights_stay(digits):
    model = small_vae()
    train(model, digits, 2)
    model.encoder.trainable = False
    before = model.encoder.get_weights(), model.decoder.get_weights()
    train(model, digits, 3)
    for same, start in zip(model.encoder.get_weights(), before[0], strict=True):
        np.testing.assert_array_equal(same, start)
    assert not np.array_equal(model.decoder.get_weights()[0], before[1][0])


@pytest.mark.slow
def test_a_model_that_nobody_holds_is_collected(digits):
    model = small_vae()
    train(model, digits, 2)
    importance_weighted_bound(model, digits[:4], 2)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


# Other numbers, other layouts, other precision


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16], ids=lambda kind: kind.__name__)
def test_whole_numbers_of_any_kind_are_taken(kind):
    model = VAE(z_dim=kind(2), h_dim=kind(4), seed=kind(3), variance=np.float32(0.5))
    assert model.config == VAE(z_dim=2, h_dim=4, seed=3, variance=0.5).config
    assert type(model.config["z_dim"]) is int


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.reshape(-1, 28, 28),
        lambda x: x.reshape(-1, 28, 28, 1),
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.uint8),
        lambda x: x.astype(bool),
        lambda x: x.tolist(),
        tf.constant,
    ],
    ids=["28×28", "28×28×1", "float64", "uint8", "bool", "list", "tensor"],
)
def test_keras_methods_take_images_of_any_kind_and_layout(digits, change):
    x = np.round(digits[:20])
    model, same = small_vae(), small_vae()
    for each, images in ((model, change(x)), (same, x)):
        each.fit(images, batch_size=10, shuffle=False, verbose=0)
    assert_same_weights(model, same)
    np.testing.assert_array_equal(
        model.predict(change(x), verbose=0)["mean"], same.predict(x, verbose=0)["mean"]
    )


@pytest.mark.parametrize(
    ("spoil", "parts"),
    [
        (lambda x: 255 * x, ("0", "255", "divide", "255")),
        (lambda x: 2 * x - 1, ("-1", "1", "(x + 1) / 2")),
        (lambda x: np.where(x > 0.99, np.nan, x), ("finite", "image")),
        (lambda x: x * 1.0000001, ("np.clip",)),
        (lambda x: 0.9 * x - 0.02, ("-0.02", "np.clip")),
        (lambda x: np.ma.masked_less(x, 0.5), ("masked", "x.filled(0)")),
        (lambda x: [x[0], x[1, :9]], ("different sizes", "784")),
        (lambda x: {"x": x}, ("dict", "array")),
        (lambda x: x + np.float32(3e38), ("3e+38", "divide")),
        (lambda x: x[:1].reshape(2, 392), ("(2, 392)", "784")),
        (lambda x: x[:, :100], ("(20, 100)", "784", "x_dim=100")),
    ],
    ids=[
        "bytes",
        "-1…1",
        "NaN",
        "rounding",
        "resizing",
        "masked",
        "sizes",
        "dict",
        "huge",
        "halves",
        "too small",
    ],
)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train", "bound"])
def test_one_gate_refuses_images_with_their_remedy(digits, spoil, parts, method):
    model, x = small_vae(), spoil(digits[:20])
    call = {
        "train": lambda: train(model, x, 1),
        "bound": lambda: importance_weighted_bound(model, x, 1),
    }.get(method, lambda: getattr(model, method)(x, verbose=0))
    with refused(ValueError, "x ", *parts):
        call()


class Minibatches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return self.x[10 * i : 10 * i + 10]


SOURCES = {
    "data set": lambda x: tf.data.Dataset.from_tensor_slices(x).batch(10),
    "PyDataset": Minibatches,
    "generator": lambda x: ((x[i : i + 10],) for i in (0, 10)),
}
METHODS = ("train_on_batch", "test_on_batch", "predict_on_batch", "fit", "evaluate", "predict")


@pytest.mark.parametrize(
    ("method", "source"),
    [(m, s) for m in METHODS for s in (["minibatch"] if "batch" in m else SOURCES)],
)
def test_minibatches_and_data_sets_pass_the_same_gate(digits, method, source):
    model, x = small_vae(), digits[:20]

    def give(images):
        if source == "minibatch":
            return getattr(model, method)(images)
        two = {"shuffle": False, "steps_per_epoch": 2} if method == "fit" else {"steps": 2}
        return getattr(model, method)(SOURCES[source](images), verbose=0, **two)

    with pytest.raises(ValueError, match="x had values"):
        give(255.0 * x)
    with pytest.raises(ValueError, match="x held 1 values"):
        give(np.where(np.arange(x.size).reshape(x.shape) == 5, np.nan, x))
    assert_same_weights(model, small_vae())
    give(x.reshape(-1, 28, 28, 1).astype(np.float64))


@pytest.mark.parametrize("kind", ["array", "tuple", *SOURCES])
def test_validation_data_pass_it_too(digits, kind):
    data = {"array": lambda x: x, "tuple": lambda x: (x,), **SOURCES}[kind](255.0 * digits[:20])
    with pytest.raises(ValueError, match="x had values"):
        small_vae().fit(digits[:20], validation_data=data, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_precision_policies_work(digits, policy):
    model = VAE(z_dim=3, h_dim=16, dtype=policy)
    model.compile(keras.optimizers.Adam(1e-3))
    exact = VAE(z_dim=3, h_dim=16)
    exact.compile(keras.optimizers.Adam(1e-3))
    exact.set_weights(model.get_weights())
    told, true = (m.evaluate(digits, verbose=0, return_dict=True)["loss"] for m in (model, exact))
    assert told == pytest.approx(true, rel=0.01)
    losses = model.fit(digits, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    if policy == "mixed_float16":
        with refused(ValueError, "float16", "fit", "mixed_bfloat16"):
            train(model, digits, 1)
    else:
        assert np.isfinite(train(model, digits, 3)["loss"][0])
    assert model.decode(np.zeros((1, 3))).dtype in {tf.float32, tf.float64}
    exact.set_weights(model.get_weights())
    mine, theirs = (importance_weighted_bound(m, digits[:9], 5) for m in (model, exact))
    assert mine.dtype == np.float32
    np.testing.assert_allclose(mine, theirs, rtol=0.01)
