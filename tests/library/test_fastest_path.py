"""`train` finds out by itself what computes a network the fastest, and says so."""

import time

import keras
import numpy as np
import pytest
from keras import layers

from vae_lib.images import ConvDecoder, ConvEncoder
from vae_lib.model import VAE
from vae_lib.training import train

SHAPE = (16, 16, 1)
X = np.random.default_rng(0).random((1280, *SHAPE)).astype("float32")


def encoder(*stack):
    x = h = keras.Input(SHAPE)
    for layer in [*stack, layers.Flatten()]:
        h = layer(h)
    return keras.Model(x, [layers.Dense(2)(h), layers.Dense(2)(h)])


NETWORKS = {
    "dense": lambda: {"z_dim": 2, "x_dim": SHAPE},
    "convolutional": lambda: {
        "encoder": ConvEncoder(2, SHAPE, width=8),
        "decoder": ConvDecoder(2, SHAPE, width=8),
    },
    "depthwise": lambda: {
        "encoder": encoder(layers.Dense(8), layers.DepthwiseConv2D(3), layers.ReLU())
    },
    "pooled": lambda: {"encoder": encoder(layers.MaxPool2D(2), layers.Dense(16, "relu"))},
    "normalized": lambda: {"encoder": encoder(layers.Dense(8), layers.BatchNormalization())},
    "recurrent": lambda: {"encoder": encoder(layers.Reshape((16, 16)), layers.GRU(16))},
}


def compiled(name):
    model = VAE(**NETWORKS[name]())
    model.compile(keras.optimizers.Adam())
    return model


@pytest.mark.parametrize(
    ("name", "compiler"), [("dense", "XLA"), ("convolutional", "TensorFlow's kernels")]
)
def test_convolutions_decide_which_compiler_it_is(name, compiler):
    history = train(compiled(name), X, 2)
    assert history.compiler == compiler
    assert repr(history).endswith(f"compiled by {compiler}")


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_trains_slower_by_train_than_by_fit(name):
    by_train, by_fit = compiled(name), compiled(name)
    turns = []
    for turn in range(4):
        fast = seconds(lambda: train(by_train, X, 80, batch_size=64))
        slow = seconds(lambda: by_fit.fit(X, batch_size=64, epochs=4, verbose=0))
        turns.append(fast / slow if turn else np.inf)  # the first turn compiles
    assert np.median(turns[1:]) < 1.1
