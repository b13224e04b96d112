"""Arrays in, figures out: the pictures that several chapters draw."""

import math
from collections.abc import Mapping, Sequence, Sized
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_lib.support.files import replacing
from vae_lib.support.numbers import array, between, finite, read, whole
from vae_lib.support.printing import visible

STYLE = Path(__file__).with_name("book.mplstyle")
# One for each curve, and one for each class: color is never the only difference.
STYLES = ("o-", "s--", "^-.", "v:", "D-", "P--", "X-.")
MARKERS = "osD^v<>pP*"
# One for each class, told apart on white, and with hues kept on black: those of the explorer.
COLORS = ["#0072b2", "#b34700", "#00795a", "#a3317f", "#806200"]
COLORS += ["#6b4fc8", "#c0172d", "#00707f", "#595959", "#7a3b10"]
MOST_CLASSES = len(MARKERS)  # as many colors as a map has, too, here and in a page


def use_book_style() -> None:
    """Draw every figure from here on in the book's look."""
    plt.style.use(STYLE)


def _show(ax: Any, picture: Any) -> None:
    """Draw a picture with values in [0, 1], without axes.

    With an axis of colors it is a picture as anyone's, 1 light; without, ink, dark on light paper.
    """
    picture = np.clip(picture, 0, 1)
    if picture.ndim == 3 and picture.shape[2] == 1:
        ax.imshow(picture[..., 0], cmap="gray", vmin=0, vmax=1)
    else:
        ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def as_pictures(images: Any) -> np.ndarray:
    """Lay out rows of pixels as pictures, which are square where their number allows it.

    Args:
        images: shape `(n, x_dim)`, `(n, height, width)` or `(n, height, width, colors)`.

    Returns:
        Pictures, `(n, height, width)` or `(n, height, width, colors)`; of x_dim pixels that are no
        square number, one line each.

    Raises:
        ValueError: the shape is another.
    """
    form = "(n, x_dim), (n, height, width) or (n, height, width, colors)"
    pictures: np.ndarray = array("images", images, form)
    if pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[3] in (1, 3)):
        return pictures
    if pictures.ndim != 2:
        raise ValueError(
            f"images had the shape {pictures.shape}; it may be (n, x_dim), (n, height, width) or, "
            "with 1 or 3 colors, (n, height, width, colors): images[None] makes a set of a single "
            "one"
        )
    side = math.isqrt(pictures.shape[1])
    height, width = (side, side) if side**2 == pictures.shape[1] else (1, -1)
    return pictures.reshape(len(pictures), height, width)


def digit_grid(images: Any, columns: int, size: float = 0.8) -> Figure:
    """Draw images row by row in a grid.

    Args:
        images: as `as_pictures` takes them, values in [0, 1].
        columns: images in a row.
        size: of an image, in inches.

    Raises:
        ValueError: the images or the columns are not as above.
    """
    columns, size = whole("columns", columns, 1, 1000), between("size", size, 0, 100)
    pictures = as_pictures(images)  # (n, height, width) or (n, height, width, colors)
    if not pictures.size:
        raise ValueError(f"images had the shape {pictures.shape}; it may hold one or more")
    rows = -(-len(pictures) // columns)
    tall = np.clip(pictures.shape[1] / pictures.shape[2], 0.25, 4)
    figure, ax = plt.subplots(figsize=(size * columns, size * rows * tall))
    _show(ax, _sheet(pictures, rows, columns))
    return figure


def _sheet(pictures: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Lay pictures row by row on one sheet, each with a margin of two pixels of paper."""
    empty = rows * columns - len(pictures)
    edges = [(0, empty), (2, 2), (2, 2)] + [(0, 0)] * (pictures.ndim - 3)
    paper = float(pictures.ndim == 4)  # white, whatever 0 and 1 mean
    tiles = np.pad(pictures, edges, constant_values=paper)
    height, width, *colors = tiles.shape[1:]
    tiles = tiles.reshape(rows, columns, height, width, *colors).swapaxes(1, 2)
    return tiles.reshape(rows * height, columns * width, *colors)


def save_digit_grid(images: Any, columns: int, path: Path) -> None:
    """Save what `digit_grid` draws."""
    figure = digit_grid(images, columns)
    try:
        with replacing(path) as part:
            figure.savefig(part)
    finally:
        plt.close(figure)


def digit_rows(rows: Mapping[str, Any]) -> Figure:
    """Draw one labeled row of images for each entry, to be compared column by column.

    Args:
        rows: images as `as_pictures` takes them, by label; the same n in each.
    """
    pictures = {label: as_pictures(images) for label, images in rows.items()}
    columns = len(next(iter(pictures.values())))
    figure, axes = plt.subplots(
        len(rows), 1, figsize=(0.8 * columns + 1.6, 0.82 * len(rows)), squeeze=False
    )
    # One picture a row: an axis for each image takes ten times as long to draw.
    for (ax,), (label, mine) in zip(axes, pictures.items(), strict=True):
        _show(ax, _sheet(mine, 1, columns))
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def loss_curves(history: Any) -> Figure:
    """Draw the loss and its two parts against the iteration, in nats.

    Args:
        history: what `training.train` returns, or what `fit` does, which counts epochs.
    """
    history = getattr(history, "history", history)  # Keras keeps a dictionary in an object
    unit = "iteration" if "iteration" in history else "epoch"
    steps = history.get(unit, np.arange(1, len(history["loss"]) + 1))
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.9), sharex=True)
    axes[0].set_xscale("log")
    for ax, name in zip(axes, ("loss", "reconstruction", "kl"), strict=True):
        ax.plot(steps, history[name])
        ax.set(title={"kl": "KL"}.get(name, name), xlabel=unit)
    axes[0].set_ylabel("nats per image")
    return figure


def bars(values: Any, xlabel: str, ylabel: str) -> Figure:
    """Draw one bar for each value, shape `(n,)`, in the given order."""
    figure, ax = plt.subplots(figsize=(6.4, 2.6))
    ax.bar(np.arange(1, len(values) + 1), values)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def seed_curves(
    steps: Any, curves: Mapping[str, Any], xlabel: str, ylabel: str, ax: Axes | None = None
) -> Figure:
    """Draw for each label the mean over seeds, with a band from the least to the greatest.

    Args:
        steps: shape `(n,)`.
        curves: by label, one curve for each seed, shape `(seeds, n)`.
        xlabel: what `steps` are.
        ylabel: what is shown, and its unit.
        ax: where to draw, if not in a figure of its own.
    """
    ax = plt.subplots()[1] if ax is None else ax
    for (label, values), style in zip(curves.items(), cycle(STYLES), strict=False):
        middle, (down, up) = _mean_and_reach(values)
        (line,) = ax.plot(steps, middle, style, label=label, ms=5)
        ax.fill_between(steps, middle - down, middle + up, color=line.get_color(), alpha=0.2, lw=0)
    return _labeled(ax, xlabel, ylabel, curves)


def seed_bars(
    steps: Any, curves: Mapping[str, Any], xlabel: str, ylabel: str, ax: Axes | None = None
) -> Figure:
    """Draw what `seed_curves` draws, with bars for bands: the steps are few, and not of time."""
    ax = plt.subplots()[1] if ax is None else ax
    for (label, values), style in zip(curves.items(), cycle(STYLES), strict=False):
        middle, bars = _mean_and_reach(values)
        ax.errorbar(steps, middle, bars, fmt=style, label=label, ms=5, capsize=3)
    return _labeled(ax, xlabel, ylabel, curves)


def rate_distortion(runs: Mapping[str, tuple[Any, Any]], ax: Axes | None = None) -> Figure:
    """Draw what codes cost against what they leave unexplained; on dotted lines the ELBO is equal.

    Args:
        runs: by label, the rates and the distortions of its seeds, shape `(seeds,)` each.
        ax: where to draw, if not in a figure of its own.
    """
    ax = plt.subplots()[1] if ax is None else ax
    for (label, both), style in zip(runs.items(), cycle(STYLES), strict=False):
        (rate, across), (distortion, up) = map(_mean_and_reach, both)
        ax.errorbar(rate, distortion, up, across, fmt=style[0], color="C0", ms=5, capsize=3)
        ax.annotate(label, (float(rate), float(distortion)), (6, 4), textcoords="offset points")
    ax.margins(0.15)
    limits = ax.axis()
    for total in MaxNLocator(8).tick_values(limits[0] + limits[2], limits[1] + limits[3]):
        ax.axline((0, total), slope=-1, color="0.45", lw=1, ls=":", zorder=0)
    ax.axis(limits)
    return _labeled(ax, "rate: KL in nats", "distortion: reconstruction in nats", ())


def _mean_and_reach(values: Any) -> tuple[Any, Any]:
    """The mean over seeds, shape `(...)`, and how far up and down they reach, `(2, ...)`."""
    middle, low, high = (f(values, axis=0) for f in (np.nanmean, np.nanmin, np.nanmax))
    reach = np.stack([middle - low, high - middle]).reshape(2, -1)
    return middle, np.maximum(reach, 0)  # of equal numbers, rounding leaves a little less


def _labeled(ax: Axes, xlabel: str, ylabel: str, curves: Sized) -> Figure:
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        ax.legend()
    return cast("Figure", ax.figure)


def seed_dots(values: Mapping[str, Any], xlabel: str, ax: Axes | None = None) -> Figure:
    """Draw one row for each label: a dot for each seed, and a bar at their mean.

    Args:
        values: by label, one number for each seed, shape `(seeds,)`; NaN is left out.
        xlabel: what is shown, and its unit.
        ax: where to draw, if not in a figure of its own.
    """
    ax = plt.subplots(figsize=(6.4, 0.42 * len(values) + 0.9))[1] if ax is None else ax
    for row, numbers in enumerate(values.values()):
        ax.plot(np.nanmean(numbers), row, "|", ms=18, mew=1.5, color="0.3")
        ax.plot(numbers, np.full(len(numbers), row), "o", ms=6, alpha=0.7, color="C0")
    ax.set(yticks=range(len(values)), yticklabels=values, xlabel=xlabel)
    ax.set_ylim(len(values) - 0.5, -0.5)  # the first row on top
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    return cast("Figure", ax.figure)


def numbered_classes(labels: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the classes of so many images, or say why they cannot be shown.

    Returns:
        The classes in their order, `(classes,)`, and which of them each label is, `(count,)`.

    Raises:
        ValueError: there is not one label for each image, or they are of several kinds, or of
            more classes than can be told apart.
    """
    wanted = f"it may be ({count},), one label for each image"
    if (shape := read("labels", labels, wanted).shape) != (count,):
        raise ValueError(
            f"labels had the shape {shape}; {wanted}: take x and labels from the same rows"
        )
    try:
        if isinstance(labels, list | tuple):
            sorted(labels)  # of a list of words and others, NumPy makes words: "nan", say
        classes, numbers = np.unique(labels, return_inverse=True)
    except TypeError:  # they have no order
        kinds = " and ".join(sorted({type(label).__name__ for label in labels}))
        raise ValueError(
            f"labels held values of the kind {kinds}; they may be all numbers or all words: leave "
            "out the images that have no label"
        ) from None
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            f"labels held {len(classes)} different classes; it may hold 1 to {MOST_CLASSES}: keep "
            "the images of some of them"
        )
    return classes, numbers


def latent_map(mean: Any, labels: Any, dimensions: Sequence[int]) -> Figure:
    """Draw where the encoder puts images, with a color and a marker for each class.

    Args:
        mean: the means of q(z|x), shape `(n, z_dim)`.
        labels: the class of each image, shape `(n,)`: digits, say, or words; up to ten of them.
        dimensions: one or two columns of `mean`; with one, classes are spread over the height.

    Raises:
        ValueError: an argument is not as above.
    """
    mean = _as_means(mean)  # (n, z_dim)
    dimensions = _as_dimensions(dimensions, mean.shape[1])
    classes, numbers = numbered_classes(labels, len(mean))  # (classes,), (n,)
    figure, ax = plt.subplots(figsize=(6.2, 5.2))
    across = mean[:, dimensions[0]]
    up = mean[:, dimensions[1]] if len(dimensions) > 1 else numbers
    for number, label in enumerate(classes):
        mine = numbers == number
        style: dict[str, Any] = {"s": 16, "alpha": 0.85, "linewidths": 0, "color": COLORS[number]}
        ax.scatter(across[mine], up[mine], marker=MARKERS[number], label=str(label), **style)
    ax.set_xlabel(f"mean of z, dimension {dimensions[0] + 1}")
    if len(dimensions) > 1:
        ax.set_ylabel(f"mean of z, dimension {dimensions[1] + 1}")
    else:
        ax.set_yticks(range(len(classes)), _words_of(classes), parse_math=False)
        ax.set_ylabel("class")
    _class_legend(ax, classes)
    return figure


def _class_legend(ax: Axes, classes: Any) -> None:
    """Name the classes as they are, where Matplotlib would hide `_a` and typeset `$a$`."""
    place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
    legend = ax.legend(ax.collections, _words_of(classes), title="class", markerscale=1.6, **place)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _words_of(classes: Any) -> list[str]:
    """Return the names of classes, which may be those of anyone's folders."""
    return [visible(str(each)) for each in classes]


def _as_means(given: Any) -> np.ndarray:
    """Return means of codes, `(n, z_dim)`, or say why they cannot be shown."""
    form = "(n, z_dim), such as model.predict(x)['mean']"
    mean = finite("mean", given, form)
    if mean.ndim != 2 or not mean.size:
        kind = type(given).__name__
        raise ValueError(
            f"mean was of the type {kind} and the shape {mean.shape}; it may be {form}"
        )
    return mean


def _as_dimensions(given: Any, z_dim: int) -> list[int]:
    """Return one or two columns in a list, or say what they may be."""
    columns = list(given) if np.iterable(given) else []
    if len(columns) in (1, 2):
        with suppress(ValueError):
            return [whole("dimensions", column, 0, z_dim - 1) for column in columns]
    raise ValueError(
        f"dimensions was {given!r}; it may be a list of one or two whole numbers from 0 to "
        f"{z_dim - 1}"
    )
