"""A VAE in whole numbers is the VAE, up to a bound that is known."""

import base64

import numpy as np
import pytest

from tests.helpers import refused
from vae_lib.model import VAE
from vae_lib.panels.quantization import LARGEST, quantize
from vae_lib.tensorflow_quietly import keras


@pytest.fixture(scope="module")
def model(split):
    model = VAE(z_dim=2)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(split.x_train, epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def twin(model):
    return quantize(model)


def z_of(n):
    return np.float32(np.random.default_rng(0).normal(size=(n, 2)))


def test_codes_are_within_the_bound(model, twin, split):
    x = split.x_test[:200]
    exact = [each.numpy() for each in model.encoder(x)]
    for true, ours, bound in zip(exact, twin.encode(x), twin.code_error(x), strict=True):
        assert (abs(true - ours) <= bound + 1e-4).all()
        assert abs(true - ours).max() > 1e-4  # it did round
        assert abs(true - ours).max() < 0.1


def test_decoded_logits_are_within_the_bound(model, twin):
    z = z_of(500)
    exact, ours = model.decoder(z).numpy(), twin.decode_logits(z)
    assert (abs(exact - ours) <= twin.logits_error(z) + 1e-4).all()
    assert 1e-4 < abs(exact - ours).max() < 1


def test_the_bound_is_reached_by_the_worst_rounding(twin):
    layer = twin.logits
    h = np.random.default_rng(1).normal(size=(5, layer.integers.shape[0]))
    for row, bound in zip(h, layer.error(h, np.zeros_like(h)), strict=True):
        worst = layer.integers * layer.scale + np.sign(row)[:, None] * layer.scale / 2
        assert np.allclose(row @ worst + layer.bias - layer(row[None])[0], bound)


def test_an_error_that_comes_in_goes_on_through_the_weights(twin):
    layer = twin.mean
    h = np.zeros((1, layer.integers.shape[0]))
    exact = layer.integers * layer.scale  # here the exact weights are the rounded ones
    moved = np.full_like(h, 0.01)
    went = abs((h + moved) @ exact - h @ exact)
    assert (went <= layer.error(h, moved)).all()
    assert (layer.error(h, moved) < abs(moved) @ abs(exact) + 0.01 * layer.scale * 128).all()


def test_every_weight_is_rounded_to_the_nearest_step(model, twin):
    exact = model.encoder.hidden[0].get_weights()[0]
    layer = twin.hidden
    assert layer.integers.dtype == np.int8
    assert abs(layer.integers).max() == LARGEST
    assert (abs(layer.integers * layer.scale - exact) <= layer.scale * 0.5001).all()


def test_a_layer_of_zeros_stays_one(model, twin):
    model = VAE(z_dim=2)
    model.decoder.logits.set_weights([np.zeros((128, 784)), np.ones(784)])
    assert (quantize(model).decode_logits(z_of(3)) == 1).all()


def test_a_model_that_a_page_would_show_wrong_is_refused():
    with refused(ValueError, "model.likelihood", "'gaussian'", "'bernoulli'"):
        quantize(VAE(z_dim=2, likelihood="gaussian"))
    model = VAE(z_dim=2)
    model.decoder.logits.set_weights([np.full((128, 784), np.nan), np.zeros(784)])
    with refused(ValueError, "model", 128 * 784, "finite", "learning rate"):
        quantize(model)


def test_packed_text_holds_the_very_numbers(twin):
    packed = twin.packed()
    assert packed["sizes"] == {"x_dim": 784, "h_dim": 128, "z_dim": 2}
    integers = np.frombuffer(base64.b64decode(packed["weights"]), np.int8)
    assert np.array_equal(integers, np.concatenate([layer.integers.ravel() for layer in twin]))
    biases = np.frombuffer(base64.b64decode(packed["biases"]), "<f4")
    assert np.array_equal(biases, np.concatenate([layer.bias for layer in twin]))
    scales = np.frombuffer(base64.b64decode(packed["scales"]), "<f4")
    assert np.array_equal(scales, np.concatenate([layer.scale for layer in twin]))


def test_a_network_takes_about_a_byte_for_each_weight(model, twin):
    length = sum(len(text) for text in twin.packed().values() if isinstance(text, str))
    assert length < 1.1 * model.count_params() * 4 / 3
