"""The figures show the numbers that they are given."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from tests.helpers import refused
from vae_lib.plots import (
    MARKERS,
    bars,
    digit_grid,
    digit_rows,
    latent_map,
    loss_curves,
    rate_distortion,
    seed_bars,
    seed_curves,
    seed_dots,
    use_book_style,
)
from vae_lib.training import History


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    with plt.rc_context():
        yield
    plt.close("all")


def shown(ax):
    (image,) = ax.images
    return image.get_array()


def test_ink_is_dark_on_light_whatever_the_range_of_the_image():
    (image,) = digit_grid(np.full((1, 784), 0.5), columns=1).axes[0].images
    colors = image.to_rgba(np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(colors, [[to_rgba("white"), to_rgba("black")]])


@pytest.mark.parametrize("shape", [(784,), (28, 28), (28, 28, 1)])
def test_a_grid_shows_every_image_row_by_row(shape, digits):
    figure = digit_grid(digits[:7].reshape(-1, *shape), columns=3)
    sheet = shown(figure.axes[0])
    assert sheet.shape == (3 * 32, 3 * 32)
    for place in range(9):
        row, column = divmod(place, 3)
        tile = sheet[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
        paper = np.full((28, 28), float(len(shape) == 3))
        image = digits[place].reshape(28, 28) if place < 7 else paper
        np.testing.assert_array_equal(tile[2:-2, 2:-2], image)


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        ((64,), (8, 8)),
        ((100,), (10, 10)),
        ((1024,), (32, 32)),
        ((12288,), (1, 12288)),  # no square: 64×64 pixels of three colors
        ((28,), (1, 28)),  # one image alone, (28, 28), is 28 images of 28 pixels
        ((5, 7), (5, 7)),
        ((5, 7, 1), (5, 7)),
        ((5, 7, 3), (5, 7, 3)),
    ],
    ids=str,
)
def test_images_of_any_size_are_drawn_in_their_own_shape(given, drawn):
    images = np.random.default_rng(0).random((2, *given))
    sheet = shown(digit_grid(images, columns=1).axes[0])
    assert sheet.shape == (2 * (drawn[0] + 4), drawn[1] + 4, *drawn[2:])
    np.testing.assert_array_equal(sheet[2 : 2 + drawn[0], 2:-2], images[0].reshape(drawn))
    (row,) = digit_rows({"": images}).axes
    pictures = np.split(shown(row), 2, axis=1)
    for picture, image in zip(pictures, images, strict=True):
        np.testing.assert_array_equal(picture[2:-2, 2:-2], image.reshape(drawn))


@pytest.mark.parametrize("shape", [(784,), (2, 28, 28, 4), (2, 3, 28, 28)])
def test_one_image_alone_and_other_colors_are_refused(shape):
    layouts = ("(n, x_dim)", "(n, height, width)", "(n, height, width, colors)", "images[None]")
    for draw in (lambda x: digit_grid(x, columns=1), lambda x: digit_rows({"": x})):
        with refused(ValueError, "images", shape, *layouts):
            draw(np.zeros(shape))


@pytest.mark.parametrize(("shape", "light"), [((5, 5), 0), ((5, 5, 1), 1), ((5, 5, 3), 1)])
def test_ink_is_dark_on_paper_and_pictures_with_colors_are_as_they_are(shape, light):
    figure = digit_grid(np.full((1, *shape), float(light)), columns=1)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    height, width = drawn.shape[:2]
    np.testing.assert_array_equal(drawn[height // 2, width // 2], 255)


@pytest.mark.parametrize("columns", ["4", 0, -1, 2.5, True, None])
def test_a_bad_number_of_columns_is_named(columns):
    with refused(ValueError, "columns", repr(columns), "whole", 1):
        digit_grid(np.zeros((3, 4)), columns)
    assert plt.get_fignums() == []


def test_bars_have_the_heights_of_the_values():
    (ax,) = bars([3.0, 1.0, 2.0], xlabel="dimension", ylabel="nats").axes
    assert [bar.get_height() for bar in ax.patches] == [3.0, 1.0, 2.0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dimension", "nats")


def test_rows_are_labeled_and_compared_column_by_column(digits):
    figure = digit_rows({"original": digits[:4], "reconstruction": digits[4:8]})
    assert [ax.get_ylabel() for ax in figure.axes] == ["original", "reconstruction"]
    for ax, images in zip(figure.axes, (digits[:4], digits[4:8]), strict=True):
        for column, image in zip(np.split(shown(ax), 4, axis=1), images, strict=True):
            np.testing.assert_array_equal(column[2:-2, 2:-2].ravel(), image)


def test_loss_curves_show_the_loss_and_its_parts():
    history = {"iteration": [10, 20], "loss": [5, 3], "reconstruction": [4, 1], "kl": [1, 2]}
    figure = loss_curves(history)
    assert [ax.get_title() for ax in figure.axes] == ["loss", "reconstruction", "KL"]
    for ax, name in zip(figure.axes, ("loss", "reconstruction", "kl"), strict=True):
        (line,) = ax.lines
        np.testing.assert_array_equal(line.get_xydata().T, [history["iteration"], history[name]])
    assert figure.axes[0].get_ylabel() == "nats per image"


def test_loss_curves_of_several_calls_of_train_go_on():
    parts = [
        History({name: np.array(steps) for name in ("iteration", "loss", "reconstruction", "kl")})
        for steps in ([10, 20], [30])
    ]
    for ax in loss_curves(parts[0] + parts[1]).axes:
        (line,) = ax.lines
        np.testing.assert_array_equal(line.get_xydata().T, [[10, 20, 30]] * 2)
        assert ax.get_xlabel() == "iteration"


def test_loss_curves_take_what_fit_returns_and_count_epochs():
    returned = keras.callbacks.History()
    returned.history = {"loss": [5, 3], "reconstruction": [4, 1], "kl": [1, 2]}
    for history in (returned, returned.history):
        figure = loss_curves(history)
        for ax, values in zip(figure.axes, returned.history.values(), strict=True):
            (line,) = ax.lines
            np.testing.assert_array_equal(line.get_xydata().T, [[1, 2], values])
            assert ax.get_xlabel() == "epoch"


@pytest.mark.parametrize("dimensions", [(2, 0), (1,)])
def test_a_latent_map_puts_every_image_where_its_mean_is(dimensions):
    rng = np.random.default_rng(0)
    mean, labels = rng.normal(size=(50, 3)), np.arange(50) % 10
    (ax,) = latent_map(mean, labels, dimensions).axes
    up = mean[:, dimensions[1]] if len(dimensions) == 2 else labels
    points = np.stack([mean[:, dimensions[0]], up], axis=1)
    for digit, drawn in enumerate(ax.collections):
        assert drawn.get_label() == str(digit)
        np.testing.assert_array_equal(drawn.get_offsets(), points[labels == digit])
    assert ax.get_xlabel() == f"mean of z, dimension {dimensions[0] + 1}"
    assert len(ax.get_legend().get_texts()) == 10


def test_color_is_never_the_only_difference_between_classes():
    (ax,) = latent_map(np.zeros((10, 2)), np.arange(10), (0, 1)).axes
    markers = {drawn.get_paths()[0].vertices.tobytes() for drawn in ax.collections}
    colors = {tuple(drawn.get_facecolor()[0]) for drawn in ax.collections}
    assert len(markers) == len(colors) == len(set(MARKERS)) == 10


@pytest.mark.parametrize(
    "classes", [range(10), (7, 3), (10, 11, -1), ("shirt", "bag"), (True, False), (0.5, np.nan)]
)
def test_a_latent_map_shows_whatever_classes_there_are_in_their_order(classes):
    labels, mean = np.tile(classes, 3), np.random.default_rng(0).normal(size=(3 * len(classes), 2))
    (ax,) = latent_map(mean, labels, (0, 1)).axes
    expected = [str(label) for label in sorted(np.array(classes))]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == expected
    for drawn in ax.collections:
        mine = np.array([str(label) == drawn.get_label() for label in labels])
        np.testing.assert_array_equal(drawn.get_offsets(), mean[mine])
    (ax,) = latent_map(mean, labels, (0,)).axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == expected
    heights = [set(drawn.get_offsets()[:, 1]) for drawn in ax.collections]
    assert heights == [{number} for number in range(len(classes))]


@pytest.mark.parametrize(
    ("labels", "parts"),
    [(np.arange(22) % 11, (11, 1, 10)), (np.zeros(21), ("(21,)", "(22,)")),
     (np.zeros((22, 1)), ("(22, 1)", "(22,)")),
     ([None, "a"] * 11, ("NoneType", "str", "numbers", "words")),
     (["a", np.nan] * 11, ("float", "str", "numbers", "words")),
     ((1, "a") * 11, ("int", "str", "numbers", "words")),
     ([None] * 22, ("NoneType", "numbers", "words")),
     (pd.Series(["a", np.nan] * 11), ("float", "str", "numbers", "words")),
     ([1, pd.NA] * 11, ("NAType", "int", "numbers", "words")),
     (np.array([1, "a"] * 11, dtype=object), ("int", "str", "numbers", "words"))],
)  # fmt: skip
def test_labels_that_a_map_cannot_show_are_refused(labels, parts):
    with refused(ValueError, "labels", *parts):
        latent_map(np.zeros((22, 2)), labels, (0, 1))
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "dimensions",
    [(-1,), (0, -1), (0, 1, 0), 0, (), ("0", "1"), (0, 5), (2,), (0, True), (0.0, 1.0), None],
)
def test_dimensions_that_a_map_cannot_show_are_refused(dimensions):
    with refused(ValueError, "dimensions", repr(dimensions), "one or two whole", 0, 1):
        latent_map(np.zeros((22, 2)), np.zeros(22), dimensions)
    assert plt.get_fignums() == []


CODES = np.zeros((22, 2))


@pytest.mark.parametrize(
    ("mean", "said"),
    [({"mean": CODES, "log_var": CODES}, "dict"), ((CODES, CODES), "(2, 22, 2)"),
     ((CODES, CODES[:3]), "tuple"), (CODES[:, 0], "(22,)"), (CODES[:0], "(0, 2)"),
     (CODES.astype(str), "ndarray"), (None, "NoneType")],
)  # fmt: skip
def test_means_of_another_kind_are_refused(mean, said):
    with refused(ValueError, "mean", said, "(n, z_dim)", "model.predict(x)['mean']"):
        latent_map(mean, np.zeros(22), (0, 1))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_means_that_are_no_finite_numbers_are_refused(hole):
    mean = CODES.copy()
    mean[[7, 9], 1] = hole
    with refused(ValueError, "mean", "finite", 7, "finite"):
        latent_map(mean, np.zeros(22), (0, 1))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("dimensions", [(0, 1), (0,)])
def test_labels_are_shown_as_they_are_written(dimensions):
    classes = ["$1$", "$x^2$", "__", "_cats", "dogs"]
    (ax,) = latent_map(np.eye(5), classes, dimensions).axes
    shown = ax.get_legend().get_texts()
    shown += ax.get_yticklabels() if len(dimensions) == 1 else []
    for text, label in zip(shown, classes * 2, strict=False):
        assert text.get_text() == label
        assert not text.get_parse_math()
    assert len(shown) == 5 * (3 - len(dimensions))
    for handle, drawn in zip(ax.get_legend().legend_handles, ax.collections, strict=True):
        np.testing.assert_array_equal(handle.get_facecolor(), drawn.get_facecolor())


def test_the_books_style_is_put_on():
    plt.rcdefaults()
    use_book_style()
    assert plt.rcParams["image.cmap"] == "gray_r"
    assert not plt.rcParams["axes.spines.top"]


def test_curves_of_seeds_show_their_mean_and_range():
    curves = {"one": np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]]), "two": np.zeros((3, 2))}
    (ax,) = seed_curves([10, 20], curves, "iteration", "nats").axes
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[10, 3], [20, 4]])
    corners = ax.collections[0].get_paths()[0].vertices
    assert {(10, 1), (10, 5), (20, 2), (20, 8)} <= {tuple(map(float, c)) for c in corners}
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("iteration", "nats")


def test_dots_of_seeds_have_a_row_for_each_label_and_a_bar_at_the_mean():
    (ax,) = seed_dots({"one": [1.0, 2.0, 6.0], "two": [4.0, np.nan]}, "nats").axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"]
    means, dots = ax.lines[::2], ax.lines[1::2]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in means] == [(3.0, 0), (4.0, 1)]
    np.testing.assert_allclose(dots[0].get_xdata(), [1, 2, 6])
    assert ax.yaxis_inverted()


def test_both_draw_where_they_are_told():
    figure, (left, right) = plt.subplots(1, 2)
    assert seed_curves([0], {"one": [[1.0]]}, "", "", ax=left) is figure
    assert seed_dots({"one": [1.0]}, "", ax=right) is figure
    assert left.get_legend() is None


def test_bars_of_seeds_reach_from_the_least_to_the_greatest():
    curves = {"one": np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 8.0]]), "two": np.zeros((3, 2))}
    (ax,) = seed_bars([10, 20], curves, "z_dim", "nats").axes
    line, _, (bars,) = ax.containers[0]
    np.testing.assert_allclose(line.get_xydata(), [[10, 3], [20, 5]])
    np.testing.assert_allclose(bars.get_segments(), [[[10, 1], [10, 5]], [[20, 2], [20, 8]]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]


def test_seeds_that_are_equal_have_a_bar_of_no_length():
    tenths = np.full((3, 1), 0.1)
    assert tenths.mean(axis=0) > 0.1  # rounding: the mean is above the greatest
    (ax,) = seed_bars([10], {"one": tenths}, "", "").axes
    np.testing.assert_allclose(ax.containers[0][2][0].get_segments(), [[[10, 0.1]] * 2])


def test_rate_and_distortion_have_bars_each_way_and_lines_of_equal_sum():
    (ax,) = rate_distortion({"2": ([6.0, 8.0], [140.0, 146.0]), "10": ([20.0], [90.0])}).axes
    points = [tuple(container[0].get_xydata()[0]) for container in ax.containers]
    assert points == [(7, 143), (20, 90)]
    across, up = ax.containers[0][2]
    np.testing.assert_allclose(across.get_segments(), [[[6, 143], [8, 143]]])
    np.testing.assert_allclose(up.get_segments(), [[[7, 140], [7, 146]]])
    assert [text.get_text() for text in ax.texts] == ["2", "10"]
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert len(dotted) > 2
    assert {line.get_slope() for line in dotted} == {-1}
