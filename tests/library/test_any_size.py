"""Images that are not 28×28, and one image alone: they train, are measured, and are drawn."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.helpers import assert_same_weights
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.model import VAE
from vae_lib.plots import digit_grid
from vae_lib.training import train


def small_vae(x_dim=784):
    model = VAE(z_dim=2, h_dim=4, x_dim=x_dim)
    model.compile(keras.optimizers.Adam())
    return model


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8), (10, 10), (32, 32), (1, 64 * 64 * 3)], ids=str)
def test_samples_of_any_size_are_written_in_their_own_shape(shape, tmp_path):
    x_dim = shape[0] * shape[1]
    x = np.random.default_rng(0).random((5, x_dim))
    samples = train(small_vae(x_dim), x, 1, batch_size=2, out=tmp_path)["samples"][0]
    figure = digit_grid(samples.reshape(16, *shape), columns=4)
    figure.savefig(tmp_path / "expected.png")
    plt.close(figure)
    pictures = (plt.imread(tmp_path / name) for name in ("000.png", "expected.png"))
    np.testing.assert_array_equal(*pictures)


# One image alone


@pytest.fixture(scope="module")
def trained_on_one(digits):
    """A model after two steps on the first digit, given as a row of a table."""
    model = small_vae()
    train(model, digits[:1], 2, batch_size=3)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(784,), (28, 28)], ids=str)
def test_one_image_alone_is_trained_on_as_a_set_of_one(digits, trained_on_one, shape):
    model, image = small_vae(), digits[0].reshape(shape)
    train(model, image, 2, batch_size=3)
    assert_same_weights(model, trained_on_one)
    model.fit(image, epochs=2, verbose=0)
    assert model.optimizer.iterations == 4
    np.testing.assert_array_equal(
        importance_weighted_bound(model, image, 2), importance_weighted_bound(model, digits[:1], 2)
    )
