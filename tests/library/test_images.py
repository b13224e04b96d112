"""The convolutional pair at any size, and the images whose factors are known."""

import colorsys

import keras
import numpy as np
import pytest

from tests.helpers import refused
from vae_lib.images import (
    SHAPES,
    ConvDecoder,
    ConvEncoder,
    Factors,
    channels,
    draw_factors,
    draw_shapes,
    halvings,
)
from vae_lib.model import VAE

# The pair


@pytest.mark.parametrize("shape", [(14, 14, 1), (15, 23, 3), (28, 28, 1), (64, 48, 3), (8, 8, 2)])
def test_the_pair_fits_images_of_any_size(shape):
    x = np.random.default_rng(0).random((3, *shape)).astype("float32")
    encoder, decoder = ConvEncoder(5, shape, width=2), ConvDecoder(5, shape, width=2)
    mean, log_var = encoder(x)
    assert mean.shape == log_var.shape == (3, 5)
    assert decoder(mean).shape == (3, *shape)
    assert VAE(encoder=encoder, decoder=decoder).x_shape == shape


@pytest.mark.slow
def test_the_pair_takes_128_pixels():
    shape = (128, 128, 3)
    encoder, decoder = ConvEncoder(2, shape, width=2), ConvDecoder(2, shape, width=2)
    assert decoder(encoder(np.zeros((1, *shape), "float32"))[0]).shape == (1, *shape)


def test_an_image_is_halved_until_it_is_small():
    assert halvings(28, 28) == [(28, 28), (14, 14), (7, 7)]
    assert halvings(15, 40) == [(15, 40), (8, 20)]
    assert channels(4, 16) == [16, 32, 64, 64]


def shifted(images, by):
    return np.roll(images, by, axis=(1, 2))


def test_the_first_convolution_moves_with_the_image():
    """What a shift by two pixels does to the image, a shift by one does to what it becomes."""
    x = np.zeros((1, 32, 32, 1), "float32")
    x[0, 12:18, 12:18] = np.random.default_rng(0).random((6, 6, 1))
    encoder = ConvEncoder(2, (32, 32, 1), width=3)
    encoder(x)
    before, after = (encoder.convolutions[0](each).numpy() for each in (x, shifted(x, (4, 2))))
    np.testing.assert_allclose(shifted(before, (2, 1)), after, atol=1e-6)


def test_the_seed_decides_the_weights_and_layers_differ():
    make = lambda seed: ConvDecoder(2, (32, 32, 1), width=4, seed=seed)  # noqa: E731
    layers = [make(0), make(0), make(1)]
    for layer in layers:
        layer(np.zeros((1, 2), "float32"))
    first, same, other = (layer.get_weights() for layer in layers)
    assert all(map(np.array_equal, first, same))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("layer", [ConvEncoder, ConvDecoder])
def test_the_configuration_makes_the_same_layer_again(layer):
    made = layer(2, (16, 12, 3), width=4, seed=3)
    again = keras.layers.deserialize(keras.layers.serialize(made))
    for each in (made, again):
        each.build((None, *(made.input_shape[1:])))
    assert [w.shape for w in again.weights] == [w.shape for w in made.weights]
    assert again.get_config() == made.get_config()


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 0), (2, 28, 1), 784, (28.5, 28, 1)])
def test_a_bad_shape_is_refused(shape):
    for layer in (ConvEncoder, ConvDecoder):
        with pytest.raises(ValueError, match=r"^x_shape was "):
            layer(2, shape)


# The drawn images


def one(shape, size=0.2, angle=0.0, across=0.5, down=0.5, hue=0.0):
    return Factors(
        *(np.array([each]) for each in (SHAPES.index(shape), size, angle, across, down, hue))
    )


def area(size, shape):
    """What the shape covers, as a part of the image."""
    if shape == "square":
        return (2 * size) ** 2
    if shape == "ellipse":
        return np.pi * (1.1 * size) ** 2 * 0.55
    height = 0.65 * size * 3  # of the triangle of the inscribed circle's radius 0.65 size
    return height**2 / np.sqrt(3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("angle", [0.0, 0.13])
@pytest.mark.parametrize("side", [64, 96])
def test_a_shape_has_its_area_and_its_place(shape, angle, side):
    (image,) = draw_shapes(one(shape, 0.2, angle, 0.4, 0.6), side, color=False)[..., 0]
    assert image.mean() == pytest.approx(area(0.2, shape), rel=0.05)
    middles = (np.arange(side) + 0.5) / side
    across, down = (image.sum(axis) @ middles / image.sum() for axis in (0, 1))
    if shape != "triangle":  # its middle is that of the circle in it, which is the same
        assert (across, down) == pytest.approx((0.4, 0.6), abs=0.01)
    else:
        assert (across, down) == pytest.approx((0.4, 0.6), abs=0.02)


def test_a_quarter_turn_of_a_square_is_no_turn_and_of_an_ellipse_swaps_its_axes():
    square = [draw_shapes(one("square", angle=a), 32, color=False) for a in (0.0, 0.25)]
    np.testing.assert_allclose(*square, atol=1e-4)
    lying, standing = (draw_shapes(one("ellipse", angle=a), 32, color=False) for a in (0, 0.25))
    np.testing.assert_allclose(lying.swapaxes(1, 2), standing, atol=1e-4)
    assert abs(lying - standing).max() > 0.9


@pytest.mark.parametrize("hue", [0.0, 1 / 3, 0.8])
def test_the_hue_is_that_of_the_color(hue):
    (image,) = draw_shapes(one("square", hue=hue), 16)
    assert colorsys.rgb_to_hsv(*image[8, 8].astype(float))[0] == pytest.approx(hue, abs=0.01)
    np.testing.assert_array_equal(image[0], 0)


def test_factors_are_drawn_alike_for_a_seed_and_independently():
    factors = draw_factors(4000, seed=1)
    for mine, its in zip(factors, draw_factors(4000, seed=1), strict=True):
        np.testing.assert_array_equal(mine, its)
    correlation = np.corrcoef(factors) - np.eye(6)
    assert abs(correlation).max() < 5 / np.sqrt(4000)
    assert set(factors.shape) == {0, 1, 2}


def test_every_drawn_shape_is_inside_of_its_image():
    images = draw_shapes(draw_factors(300), 32, color=False)
    assert images.shape == (300, 32, 32, 1)
    assert images.dtype == np.float32
    assert (images.max((1, 2, 3)) == 1).all()
    edges = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
    assert edges.max() == 0


def test_bad_arguments_are_refused():
    with refused(ValueError, "n", 0, 1):
        draw_factors(0)
    with refused(ValueError, "side", 3, 4):
        draw_shapes(draw_factors(1), side=3)
