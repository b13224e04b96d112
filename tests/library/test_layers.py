"""What holds for the encoder and the decoder alike, as layers of Keras."""

import numpy as np
import pytest

from vae_lib.decoder import Decoder
from vae_lib.encoder import Encoder
from vae_lib.tensorflow_quietly import keras


def built(layer, inputs, **sizes):
    made = layer(**sizes)
    made.build((None, inputs))
    return made


@pytest.mark.parametrize(("layer", "inputs"), [(Encoder, 784), (Decoder, 100)])
def test_the_seed_decides_the_first_weights(layer, inputs):
    first, again, other = (
        built(layer, inputs, h_dim=8, seed=seed).get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    for a, b in zip(first[::2], other[::2], strict=True):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / np.sqrt(a.size)


@pytest.mark.parametrize(
    ("layer", "inputs", "sizes"), [(Encoder, 784, {"z_dim": 3}), (Decoder, 3, {"x_dim": 9})]
)
def test_the_configuration_makes_the_same_layer_again(layer, inputs, sizes):
    made = built(layer, inputs, h_dim=(8, 6), seed=7, activation="tanh", **sizes)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is layer
    assert (again.h_dim, again.activation, again.seed) == ((8, 6), "tanh", 7)
    for a, b in zip(again.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
