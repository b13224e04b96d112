"""Networks, likelihoods and objectives of the reader's own, in the same VAE as the book's."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.helpers import assert_same_weights, refused
from vae_lib.decoder import LIKELIHOODS, Likelihood, pixel_mean, start_at_mean
from vae_lib.evaluation import importance_weighted_bound, log_joint
from vae_lib.images import ConvDecoder, ConvEncoder
from vae_lib.latent_space import active_units
from vae_lib.loss import Objective
from vae_lib.model import VAE, load_model
from vae_lib.parameters import ParameterError
from vae_lib.plots import digit_grid
from vae_lib.tensorflow_quietly import tf
from vae_lib.tighter_bounds import DoublyReparameterized
from vae_lib.training import minibatch_order, train

SHAPE = (12, 10, 3)


def functional_encoder(z_dim=2, shape=SHAPE):
    """An encoder in Keras's functional way."""
    x = keras.Input(shape)
    h = layers.Flatten()(layers.Conv2D(4, 3, 2, "same", activation="relu")(x))
    return keras.Model(x, [layers.Dense(z_dim)(h), layers.Dense(z_dim)(h)])


def sequential_decoder(z_dim=2, shape=SHAPE):
    """A decoder as a stack of layers."""
    stack = [keras.Input((z_dim,)), layers.Dense(20, "relu"), layers.Dense(int(np.prod(shape)))]
    return keras.Sequential([*stack, layers.Reshape(shape)])


@keras.saving.register_keras_serializable(package="tests")
class OwnEncoder(layers.Layer):
    """An encoder as a layer, which does not know its input's shape before it is called."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.flat, self.heads = layers.Flatten(), [layers.Dense(2), layers.Dense(2)]

    def build(self, input_shape):
        for head in self.heads:
            head.build((None, int(np.prod(input_shape[1:]))))

    def call(self, x):
        return [head(self.flat(x)) for head in self.heads]


PAIRS = {
    "functional and sequential": lambda: {
        "encoder": functional_encoder(),
        "decoder": sequential_decoder(),
    },
    "convolutional": lambda: {
        "encoder": ConvEncoder(2, SHAPE, width=4),
        "decoder": ConvDecoder(2, SHAPE, width=4),
    },
    "own layer, dense decoder": lambda: {"encoder": OwnEncoder(), "x_dim": SHAPE},
    "dense encoder, own decoder": lambda: {
        "decoder": sequential_decoder(),
        "x_dim": SHAPE,
        "z_dim": 2,
    },
    "dense, deep": lambda: {"z_dim": 2, "h_dim": (9, 5), "x_dim": SHAPE, "activation": "tanh"},
}


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).random((20, *SHAPE)).astype("float32")


def compiled(**arguments):
    model = VAE(**arguments)
    model.compile(keras.optimizers.Adam(3e-3))
    return model


@pytest.fixture(scope="module", params=PAIRS)
def trained(request, pictures):
    """A model of each kind, trained by `fit` and by `train`."""
    model = compiled(**PAIRS[request.param]())
    model.fit(pictures, batch_size=10, verbose=0)
    model.trained_by_train = train(model, pictures, 3, batch_size=10)
    return model


@pytest.mark.slow
def test_all_of_the_library_takes_any_network(trained, pictures, tmp_path):
    assert (trained.z_dim, trained.x_shape, trained.x_dim) == (2, SHAPE, 360)
    assert trained.trained_by_train["samples"].shape == (1, 16, *SHAPE)
    mean, log_var = trained.encode(pictures)
    assert mean.shape == log_var.shape == (20, 2)
    for images in (trained.decode(mean), trained.reconstruct(pictures), trained.sample(20)):
        assert images.shape == (20, *SHAPE)
    np.testing.assert_array_equal(trained.reconstruct(pictures), trained.decode(mean))
    one = importance_weighted_bound(trained, pictures, 1)
    many = importance_weighted_bound(trained, pictures, 50)
    assert one.shape == (20,)
    assert one.mean() < many.mean() + 0.5
    assert log_joint(trained, pictures, np.zeros((20, 4, 2))).shape == (20, 4)
    assert active_units(mean).shape == (2,)
    digit_grid(trained.sample(4), columns=2).savefig(tmp_path / "samples.png")


@pytest.mark.slow
def test_a_file_brings_any_network_back_and_training_goes_on(trained, pictures, tmp_path):
    trained.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert_same_weights(trained, again)
    np.testing.assert_array_equal(again.reconstruct(pictures), trained.reconstruct(pictures))
    histories = [train(model, pictures, 2, batch_size=10) for model in (trained, again)]
    np.testing.assert_array_equal(histories[0]["loss"], histories[1]["loss"])
    assert_same_weights(trained, again)


def test_sizes_that_networks_decide_need_not_be_said_and_may_not_be_contradicted():
    assert VAE(encoder=functional_encoder(3)).decoder.x_dim == SHAPE
    with refused(ParameterError, "z_dim", 5, 3):
        VAE(z_dim=5, encoder=functional_encoder(3))
    with refused(ParameterError, "x_dim", 784, SHAPE):
        VAE(x_dim=784, encoder=functional_encoder())
    with refused(ParameterError, "h_dim", 64, "encoder and decoder are your own"):
        VAE(h_dim=64, encoder=functional_encoder(), decoder=sequential_decoder())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"encoder": "conv"}, ("encoder", "str", "layer or model")),
        ({"encoder": layers.Dense}, ("encoder", "type", "not its class")),
        ({"encoder": layers.Dense(4)}, ("encoder", (1, 4), "mean", "log-variance")),
        ({"encoder": layers.Dense(4), "x_dim": (5,)}, ("encoder", (1, 4), "mean")),
        ({"encoder": OwnEncoder(), "decoder": layers.Dense(9)}, ("decoder", (1, 9), (784,))),
        ({"decoder": sequential_decoder(z_dim=3), "z_dim": 2}, ("z_dim", 2, 3)),
    ],
)
def test_a_network_that_does_not_fit_is_refused_with_what_it_gave(arguments, said):
    with refused(ValueError, *said):
        VAE(**arguments)


def test_a_network_that_fails_is_refused_with_its_own_reason():
    broken = keras.Sequential([layers.Conv2D(3, 3), layers.Flatten()])
    with refused(ValueError, "encoder", (784,)):
        VAE(encoder=broken)


def test_a_model_with_own_networks_does_not_restart():
    with refused(ValueError, "network of your own", "new model"):
        VAE(encoder=functional_encoder()).restart(1)


def test_images_in_another_layout_are_taken_where_that_loses_nothing(pictures):
    model = VAE(encoder=functional_encoder())
    rows = pictures.reshape(20, -1)
    np.testing.assert_array_equal(model.encode(rows)[0], model.encode(pictures)[0])
    np.testing.assert_array_equal(model.encode(pictures[0])[0], model.encode(pictures[:1])[0])
    with refused(ValueError, "x", (20, 3, 12, 10), "(n, 12, 10, 3)", "np.moveaxis(x, 1, -1)"):
        model.encode(np.moveaxis(pictures, -1, 1))
    with refused(ValueError, "x", (20, 10, 12, 3), "(n, 12, 10, 3)", "x_dim=(10, 12, 3)"):
        model.encode(pictures.swapaxes(1, 2))


# Likelihoods


class Laplace(Likelihood):
    """As few lines as the documentation says that it takes."""

    def log_prob(self, x, logits):
        return -tf.reduce_sum(abs(x - tf.sigmoid(logits)) / 0.1 + np.log(0.2), axis=-1)

    def mean(self, logits):
        return pixel_mean(logits)


@pytest.mark.slow
def test_a_likelihood_of_ones_own_is_trained_on_and_measured(pictures):
    model = compiled(encoder=functional_encoder(), likelihood=Laplace())
    (before,) = train(model, pictures, 1, batch_size=20)["reconstruction"]
    *_, after = train(model, pictures, 60, batch_size=20, report_every=20)["reconstruction"]
    assert after < before
    logits = model.decoder(model.encode(pictures)[0])
    x, p = pictures.reshape(20, -1), pixel_mean(logits).numpy().reshape(20, -1)
    expected = -(abs(x - p) / 0.1 + np.log(0.2)).sum(1)
    np.testing.assert_allclose(model.log_likelihood(pictures, logits), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [SHAPE, (np.prod(SHAPE),)])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_a_log_likelihood_keeps_the_axes_before_an_image(name, shape, pictures):
    model = VAE(2, 8, tuple(map(int, shape)), likelihood=name)
    x = pictures.reshape(20, *shape)
    logits = model.decoder(np.random.default_rng(0).normal(size=(3 * 20, 2)).astype("float32"))
    each = np.reshape(logits, (3, 20, *logits.shape[1:]))
    found = model.log_likelihood(np.broadcast_to(x, (3, *x.shape)), each)
    expected = model.log_likelihood(np.concatenate([x] * 3), logits)
    np.testing.assert_allclose(found, np.reshape(expected, (3, 20)), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_each_likelihood_trains_and_comes_back_from_a_file(name, pictures, tmp_path):
    model = compiled(z_dim=2, h_dim=8, x_dim=SHAPE, likelihood=name)
    history = train(model, pictures, 100, batch_size=20, report_every=50)
    assert history["loss"][1] < history["loss"][0]
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.sample(3), model.sample(3))
    bounds = [importance_weighted_bound(each, pictures, 3) for each in (model, again)]
    np.testing.assert_array_equal(*bounds)


@pytest.mark.slow
def test_a_learned_variance_becomes_what_is_left_over(pictures):
    """Where σ² has converged it is the mean squared error: the derivative of the bound is 0."""
    images = np.clip(
        pictures[:1] + 0.05 * np.random.default_rng(1).normal(size=(200, *SHAPE)), 0, 1
    )
    model = VAE(z_dim=2, h_dim=8, x_dim=SHAPE, likelihood="learned_gaussian")
    model.compile(keras.optimizers.Adam(1e-2))
    train(model, images, 1500, batch_size=100)
    outputs = model(images)
    error = np.mean((images - pixel_mean(outputs["logits"]).numpy()) ** 2)
    assert float(model.likelihood.variance) == pytest.approx(error, rel=0.1)


# A start at the mean image


@pytest.mark.parametrize("likelihood", ["bernoulli", "discretized_logistic"])
@pytest.mark.parametrize("pair", ["dense, deep", "functional and sequential"])
def test_training_can_begin_at_the_mean_image(pair, likelihood, pictures):
    arguments = PAIRS[pair]()
    if "decoder" in arguments:
        parameters = LIKELIHOODS[likelihood]().parameters
        arguments["decoder"] = sequential_decoder(shape=(12, 10, 3 * parameters))
    model = VAE(**arguments, likelihood=likelihood)
    start_at_mean(model.decoder, pictures)
    logits, *_ = model.parameters_in(model.decoder(np.zeros((1, 2), "float32")))
    expected = np.log(pictures.mean(0) / (1 - pictures.mean(0))).ravel()
    np.testing.assert_allclose(logits[0], expected, rtol=1e-4, atol=1e-5)  # hidden biases are 0


def test_a_convolution_begins_at_the_mean_color(pictures):
    model = VAE(encoder=ConvEncoder(2, SHAPE, 4), decoder=ConvDecoder(2, SHAPE, 4))
    start_at_mean(model.decoder, pictures)
    colors = pictures.mean((0, 1, 2))
    np.testing.assert_allclose(pixel_mean(model.decoder.last.bias), colors, atol=0.01)


def test_a_decoder_without_such_a_bias_is_refused(pictures):
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(7)])
    with refused(ValueError, "decoder", (7,), "each pixel"):
        start_at_mean(decoder, pictures)


# Objectives


def numpy_objective(model, x, outputs, beta=1.0, free_bits=0.0):
    mean, log_var = (np.asarray(outputs[name], float) for name in ("mean", "log_var"))
    kl = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).mean(axis=0)  # (z_dim,)
    reconstruction = -np.mean(model.log_likelihood(x, outputs["logits"]))
    return reconstruction + beta * np.maximum(kl, free_bits).sum()


@pytest.mark.parametrize(
    ("weights", "meant"),
    [
        ({}, {}),
        ({"beta": 4.0}, {"beta": 4.0}),
        ({"beta": 4.0, "warm_up": 10}, {"beta": 1.2}),  # after 3 of 10 iterations
        ({"beta": 4.0, "warm_up": 2}, {"beta": 4.0}),
        ({"free_bits": 0.3}, {"free_bits": 0.3}),
    ],
)
def test_an_objective_is_what_it_says(weights, meant, digits):
    model = VAE(z_dim=5, h_dim=8)
    model.compile(keras.optimizers.Adam(), loss=Objective(**weights))
    model.optimizer.iterations.assign(3)
    outputs = model(digits[:9])
    loss, reconstruction, kl = model.losses_of(digits[:9], outputs)
    expected = numpy_objective(model, digits[:9], outputs, **meant)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    plain = VAE(z_dim=5, h_dim=8)
    for mine, its in zip(plain.terms(digits[:9], outputs), (reconstruction, kl), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 4])
def test_the_importance_weighted_objective_is_minus_the_bound_of_its_draws(n_samples, digits):
    model = VAE(z_dim=3, h_dim=8)
    model.compile("adam", loss=Objective(n_samples=n_samples, importance_weighted=True))
    eps = np.random.default_rng(0).normal(size=(6, n_samples, 3)).astype("float32")
    x = digits[:6]
    outputs = model.outputs_of(x, eps if n_samples > 1 else eps[:, 0])
    mean, log_var = (np.asarray(part, float) for part in model.encoder(x))
    weights = []
    for k in range(n_samples):
        z = mean + np.exp(0.5 * log_var) * eps[:, k]
        log_p = -0.5 * (z**2 + np.log(2 * np.pi)).sum(1)
        log_q = -0.5 * (eps[:, k] ** 2 + log_var + np.log(2 * np.pi)).sum(1)
        likelihood = model.log_likelihood(x, model.decoder(z.astype("float32")))
        weights.append(np.asarray(likelihood, float) + log_p - log_q)
    bound = np.log(np.exp(weights - np.max(weights)).mean(axis=0)) + np.max(weights)
    loss, _, _ = model.losses_of(x, outputs)
    assert float(loss) == pytest.approx(-bound.mean(), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective",
    [
        Objective(beta=3.0, warm_up=4),
        Objective(n_samples=3),
        Objective(n_samples=3, importance_weighted=True),
        DoublyReparameterized(n_samples=3),
    ],
    ids=repr,
)
def test_fit_and_train_minimize_the_same_objective(objective, digits, tmp_path):
    x, models = digits[:50], []
    order = minibatch_order(50, 50, 0, 8, seed=0).ravel()  # (400,)
    for way in ("fit", "train"):
        model = VAE(z_dim=3, h_dim=8)
        model.compile(keras.optimizers.Adam(1e-2), loss=objective)
        if way == "fit":
            model.fit(x[order], batch_size=50, shuffle=False, verbose=0)
        else:
            train(model, x, 8, batch_size=50)
        models.append(model)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)
    models[0].save(tmp_path / "model.keras")
    assert repr(load_model(tmp_path / "model.keras").loss_given) == repr(objective)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"beta": -1}, ("beta", -1, "at least 0")),
        ({"free_bits": "much"}, ("free_bits", "'much'", "at least 0")),
        ({"warm_up": 2.5}, ("warm_up", 2.5, "whole")),
        ({"n_samples": 0}, ("n_samples", 0, 1)),
        ({"importance_weighted": 1}, ("importance_weighted", 1, "True or False")),
        ({"importance_weighted": True, "beta": 2.0}, ("importance_weighted", "beta")),
    ],
)
def test_a_bad_objective_is_refused(arguments, said):
    with refused(ParameterError, *said):
        Objective(**arguments)


def test_an_objective_beside_an_overridden_one_is_refused():
    class Weighted(VAE):
        def objective(self, reconstruction, kl):
            return reconstruction + 2 * kl

    with refused(ValueError, "loss", "Objective(beta=2.0", "Weighted", "objective"):
        Weighted(z_dim=2).compile("adam", loss=Objective(beta=2.0))
