"""The convolutional pair at any size, and the images whose factors are known."""

import colorsys

import keras
import numpy as np
import pytest

from tests.helpers import assert_says, refused
from vae_lib.data import DataError
from vae_lib.decoder import LIKELIHOODS, Gaussian, PixelGaussian
from vae_lib.evaluation import fit_ppca, log_evidence
from vae_lib.images import (
    SHAPES,
    ConvDecoder,
    ConvEncoder,
    Factors,
    Facts,
    bits_per_dimension,
    channels,
    diagnose,
    draw_factors,
    draw_shapes,
    halvings,
    images_named,
    linear_loss,
    mean_image_loss,
    nearest,
    pca_error,
)
from vae_lib.model import VAE
from vae_lib.parameters import (
    ImagesParameters,
    ParameterError,
    check_parameters,
    refused_in_one_line,
)

# The pair


@pytest.mark.parametrize(
    "shape", [(14, 14, 1), (15, 23, 3), (28, 28, 1), (64, 48, 3), (8, 8, 2), (4, 5, 1)]
)
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
    assert halvings(15, 40) == [(15, 40), (8, 20), (4, 10)]
    assert halvings(5, 7) == [(5, 7), (3, 4)]
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


# Images by name


@pytest.mark.parametrize(
    ("asked", "shape"),
    [
        (("shapes",), (20, 20, 3)),
        (("shapes", 12, "gray"), (12, 12, 1)),
        (("digits",), (28, 28, 1)),
        (("digits", 7, "gray"), (7, 7, 1)),
        (("digits", 14, "color"), (14, 14, 3)),
    ],
)
def test_images_are_found_by_name(asked, shape, monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    images = images_named(*asked)
    assert images.x_shape == images.x_test.shape[1:] == shape
    assert images.x_train.dtype == np.float32
    assert 0 <= images.x_train.min() < images.x_train.max() <= 1
    assert len(images.names) == len(images.x_test)
    assert images.name in repr(images)


def test_small_digits_are_averages_of_large_ones(monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    large, small = images_named("digits"), images_named("digits", 14)
    np.testing.assert_allclose(small.x_test[7, 3, 5], large.x_test[7, 6:8, 10:12].mean(), rtol=1e-6)
    np.testing.assert_allclose(small.x_test.mean(), large.x_test.mean(), rtol=1e-5)


def test_other_images_are_the_readers_own(tmp_path):
    rows = np.random.default_rng(0).integers(0, 17, (20, 8, 8))
    np.savez(tmp_path / "mine.npz", x=rows)
    images = images_named(str(tmp_path / "mine.npz"))
    assert len(images.x_train) == 18
    assert images.x_train.max() == 1


def test_images_that_are_not_there_or_do_not_fit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    with refused(ValueError, "size", 20, 28, 14, 7, 4):
        images_named("digits", 20)
    with pytest.raises(DataError, match="no such file or folder"):
        images_named(str(tmp_path / "nowhere"))


# What to judge a model by


@pytest.fixture(scope="module")
def shapes():
    return draw_shapes(draw_factors(400, seed=5), 12, color=False)


def test_eight_bits_are_all_that_a_byte_can_say():
    nats = np.full(5, 12 * np.log(256))
    np.testing.assert_allclose(bits_per_dimension(nats, (2, 2, 3)), 8)
    np.testing.assert_allclose(bits_per_dimension(nats, 12), 8)


def test_the_mean_image_costs_its_cross_entropy(shapes):
    train, test = shapes[:300], shapes[300:]
    p = ((train.sum(0) + 0.5) / 301).astype(float)
    expected = -(test * np.log(p) + (1 - test) * np.log1p(-p)).sum((1, 2, 3))
    found = mean_image_loss(LIKELIHOODS["bernoulli"](), train, test)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_mean_image_costs_its_squared_error(shapes):
    train, test = shapes[:300], shapes[300:]
    squares = ((test - train.mean(0)) ** 2).sum((1, 2, 3))
    found = mean_image_loss(LIKELIHOODS["gaussian"](), train, test)
    np.testing.assert_allclose(found, squares / 2 + 72 * np.log(2 * np.pi), rtol=1e-3)
    variance = ((train - train.mean(0)) ** 2).mean()
    best = squares / (2 * variance) + 72 * np.log(2 * np.pi * variance)
    learned = mean_image_loss(LIKELIHOODS["learned_gaussian"](), train, test)
    assert learned.mean() == pytest.approx(best.mean(), abs=1)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_no_other_answer_without_a_code_is_much_better(name, shapes):
    """Training finds one from the mean image on; a few hundred steps do not find a better one."""
    import tensorflow as tf

    train, test, likelihood = shapes[:300], shapes[300:], LIKELIHOODS[name]()
    rows, parts = train.reshape(300, -1), likelihood.parameters
    answer = tf.Variable(np.full((parts, 144), -1.0, "float32"))
    adam, weights = keras.optimizers.Adam(0.1), [answer, *likelihood.trainable_variables]
    for _ in range(150):
        with tf.GradientTape() as tape:
            spread = [tf.broadcast_to(part, rows.shape) for part in tf.unstack(answer)]
            loss = -tf.reduce_mean(likelihood.log_prob(rows, *spread))
        adam.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    new = test.reshape(100, -1)
    spread = [tf.broadcast_to(part, new.shape) for part in tf.unstack(answer)]
    trained = -np.mean(likelihood.log_prob(new, *spread))
    found = mean_image_loss(LIKELIHOODS[name](), train, test).mean()
    assert found < trained + 0.05 * abs(trained) + 3


@pytest.mark.parametrize("side", [12, 40], ids=["more images than pixels", "fewer"])
def test_principal_components_leave_what_the_smallest_eigenvalues_say(side):
    x = draw_shapes(draw_factors(1000, seed=2), side, color=False)
    values = np.linalg.eigvalsh(np.cov(x.reshape(1000, -1).astype(float), bias=True, rowvar=False))
    assert pca_error(x, x, 7).mean() == pytest.approx(values[:-7].sum(), rel=1e-4)
    assert pca_error(x, x, 100).mean() == pytest.approx(values[:-100].sum(), rel=3e-3)
    assert pca_error(x, x, 10_000).mean() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("variance", [None, 0.01, 0.5])
def test_the_loss_of_the_linear_model_is_that_of_chapter_8(variance):
    x = draw_shapes(draw_factors(600, seed=2), 12, color=False)
    train, new = x[:500], x[500:]
    exact = -log_evidence(fit_ppca(train.reshape(500, -1), 9, variance), new.reshape(100, -1))
    likelihood = PixelGaussian() if variance is None else Gaussian(variance)
    np.testing.assert_allclose(linear_loss(likelihood, train, new, 9), exact, atol=0.1)


def test_the_linear_model_is_finite_where_nothing_is_left_to_noise_and_not_for_other_pixels():
    x = np.repeat(draw_shapes(draw_factors(2, seed=2), 4, color=False), 3, axis=0)
    assert np.all(np.isfinite(linear_loss(Gaussian(learned=True), x, x, 100)))
    assert np.all(np.isinf(linear_loss(LIKELIHOODS["bernoulli"](), x, x, 2)))


def test_the_nearest_image_is_found(shapes):
    moved = shapes[[5, 3, 9]] + np.float32(0.01)
    which, distance = nearest(moved, shapes)
    np.testing.assert_array_equal(which, [5, 3, 9])
    np.testing.assert_allclose(distance, 0.01 * 12, rtol=1e-3)


HEALTHY = Facts(
    images=4000, contrast=0.3, iterations=np.arange(100, 1100, 100),
    course=50 + 50 / np.arange(1, 11) ** 2, seen=50.0, unseen=50.5, error=0.2,
    mean_image=100.0, rates=np.array([4.0, 2.0, 0.0]), active=2, squared_error=5.0, pca=6.0,
    likeness=0.9,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ("Nothing looks wrong", "49.5", "0.5", "2 of 3")),
        ({"contrast": 0.001}, ("0.0010", "divided twice")),
        (
            {"unseen": 150.0, "seen": 20.0, "course": np.r_[100, np.linspace(60, 150, 9)]},
            ("lowest at iteration 200", "risen by 90.0", "iterations=200"),
        ),
        ({"copies": 0.25}, ("25%", "copies", "each image once")),
        (
            {"unseen": 100.0, "seen": 99.9, "course": np.full(10, 100.0)},
            ("100.0", "the mean image", "100.0", "costs no more", "more iterations"),
        ),
        (
            {"unseen": 40.0, "seen": 40.0, "course": np.full(10, 40.0), "error": 21.0},
            ("40.0", "100.0", "differ by 63.0 nats by chance", "more iterations"),
        ),
        ({"course": np.linspace(100, 50.5, 10)}, ("still falling", "iterations=2000")),
        ({"course": 50 + abs(np.arange(-4.0, 6))}, ("iteration 500", "5.0", "4,000 images")),
        ({"seen": 30.0}, ("20.5", "4,000 images", "smaller width")),
        ({"active": 0}, ("The code is empty", "6.00", "0 of 3", "more iterations")),
        ({"active": 0, "beta": 8.0}, ("The code is empty", "beta below 8")),
        ({"active": 0, "likelihood": "gaussian"}, ("The code is empty", "'learned_gaussian'")),
        ({"active": 3, "rates": np.full(3, 2.5)}, ("3 dimensions", "2.5", "z_dim=6")),
        ({"linear": 40.0}, ("50.5", "linear model", "40.0", "more iterations")),
        ({"pca": 4.0}, ("5.00", "3 principal components", "4.00")),
        ({"likeness": 0.2}, ("0.20", "copies")),
        ({"likeness": 2.5}, ("2.50", "holes", "smaller z_dim")),
        ({"images": 54}, ("54 images", "some thousand")),
    ],
)
def test_what_looks_wrong_is_said_in_one_sentence_with_number_and_remedy(changes, said):
    (sentence,) = diagnose(HEALTHY._replace(**changes))
    assert_says(sentence, *said)


def test_a_rising_loss_is_not_still_falling_and_small_faults_wait_for_large_ones():
    both = HEALTHY._replace(active=0, likelihood="gaussian", pca=4.0, likeness=0.2, unseen=130.0)
    assert "The code is empty" in diagnose(both)[0]
    assert len(diagnose(both)) == 1
    rising = HEALTHY._replace(course=np.array([60.0, 50.0, 55.0]), iterations=np.array([1, 2, 3]))
    assert len(diagnose(rising)) == 1
    by_heart = HEALTHY._replace(unseen=130.0, course=np.full(10, 130.0))
    assert "smaller width" in diagnose(by_heart)[0]


# The parameters of the chapter


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("z_dim", 0, ("whole", 1, "10,000")),
        ("data", "nowhere/", ("'shapes'", "'digits'", "folder", ".npz", ".npy")),
        ("data", 5, ("'shapes'", "'digits'")),
        ("size", 3, ("0", "4", "4096")),
        ("size", -1, ("0", "4", "4096")),
        ("size", True, ("0", "4", "4096")),
        ("color", "red", ("'auto'", "'gray'", "'color'")),
        ("network", "cnn", ("'conv'", "'dense'")),
        ("width", -1, ("0", "1", "10,000")),
        ("likelihood", "laplace", ("'bernoulli'", "'discretized_logistic'")),
        ("beta", -1, ("at least 0",)),
        ("checkpoint", __file__, ("''", "folder")),
        ("checkpoint", 5, ("''", "folder")),
        ("model_file", "model.h5", ("''", ".keras")),
        ("model_file", "nowhere/model.keras", ("''", ".keras", "existing folder")),
        ("zdim", 2, ("'z_dim'",)),
        ("h_dim", 2, ("'z_dim'",)),
        ("gamma", 2, ("known", "z_dim", "width")),
    ],
)
def test_a_bad_parameter_of_the_chapter_is_refused_in_one_line(name, value, allowed):
    with refused(ParameterError, name if name in ImagesParameters.model_fields else "", *allowed):
        check_parameters({name: value}, ImagesParameters)


def test_a_size_that_digits_cannot_have_is_refused_before_any_work():
    with refused(ParameterError, "size", 5, "28, 14, 7 or 4", "digits"):
        check_parameters({"data": "digits", "size": 5}, ImagesParameters)
    check_parameters({"data": "digits", "size": 7}, ImagesParameters)
    check_parameters({"data": "shapes", "size": 5}, ImagesParameters)


def test_good_parameters_of_the_chapter_pass_and_numbers_as_text_are_read(tmp_path):
    names = {
        "data": str(tmp_path),
        "size": "32",
        "beta": "2",
        "checkpoint": str(tmp_path / "new" / "folder"),
        "model_file": str(tmp_path / "model.keras"),
    }
    check_parameters(names, ImagesParameters)
    assert (names["size"], names["beta"]) == (32, 2.0)


@pytest.mark.parametrize("kind", [ValueError, FloatingPointError])
def test_what_the_library_refuses_is_shown_in_one_line(kind):
    with refused(ParameterError, "the loss was 5"), refused_in_one_line():
        raise kind("the loss was 5")
    with pytest.raises(KeyError), refused_in_one_line():
        raise KeyError
