"""What Python gives the completer, and what it refuses."""

import base64

import numpy as np
import pytest
from bs4 import BeautifulSoup

from tests.helpers import refused, shrunk
from vae_lib.model import VAE
from vae_lib.panels.completer import Completer
from vae_lib.panels.quantization import quantize


@pytest.fixture(scope="module")
def model():
    return VAE(3, 8, 196)


@pytest.fixture(scope="module")
def x(split):
    return shrunk(split.x_test[:20])


def test_the_page_is_given_the_network_the_digits_and_their_labels(model, x, split):
    data = Completer(model, x, split.y_test[:20]).data
    assert data["network"] == quantize(model).packed()
    digits = np.frombuffer(base64.b64decode(data["digits"]), np.uint8)
    assert np.array_equal(digits.reshape(20, 196), x)
    assert np.array_equal(
        np.frombuffer(base64.b64decode(data["labels"]), np.uint8), split.y_test[:20]
    )


def test_what_cannot_be_completed_is_refused(model, x):
    labels = np.zeros(20, int)
    for wrong, *parts in (
        (quantize(model), "model", "QuantizedVAE", "VAE"),
        (VAE(3, 8, 64), "model", "(64,)", "14×14", "28×28", "(196,)", "(784,)", "x_dim=196"),
        (VAE(3, 8, 196, likelihood="gaussian"), "model.likelihood", "'gaussian'", "'bernoulli'"),
    ):
        with refused(ValueError, *parts):
            Completer(wrong, x, labels)
    for wrong, *parts in (
        (x / 2, "x", "between 0 and 1", "zeros and ones", "x > 0.5"),
        (np.zeros((20, 784)), "x", "(20, 784)", "14×14", "(n, 196)", "(n, 14, 14)"),
        (np.zeros((0, 196)), "x", "(0, 196)", "(n, 196)"),
    ):
        with refused(ValueError, *parts):
            Completer(model, wrong, labels)
    with refused(ValueError, "labels", "(19,)", "(20,)"):
        Completer(model, x, labels[:19])


def test_the_picture_has_a_row_for_each_of_four_digits(model, x):
    completer = Completer(model, x, np.arange(20) % 10)
    sheet = np.asarray(completer.picture().axes[0].images[0].get_array())
    tiles = sheet.reshape(4, 18, 8, 18).swapaxes(1, 2)[:, :, 2:-2, 2:-2]
    for (whole, hidden, *completions), image in zip(tiles, x.reshape(-1, 14, 14), strict=False):
        assert np.array_equal(whole, image)
        for each in (hidden, *completions):
            assert np.array_equal(each[:7], image[:7])  # what is seen
            assert abs(each[7:] - image[7:]).max() > 0.3


def test_it_says_what_it_shows(model, x):
    page = BeautifulSoup(Completer(model, x, np.zeros(20)).html(), "html.parser")
    assert page.find("img")["alt"] == Completer.alt
    assert "runs scripts" in page.find("figcaption").get_text()
