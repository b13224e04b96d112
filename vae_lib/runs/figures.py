"""The figures of a report, each with its caption and what it says in words."""

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, NullLocator
from pandas.api.types import is_numeric_dtype

from vae_lib.plots import STYLES, rate_distortion, seed_bars, seed_dots, use_book_style

MEANS = "Points are means over seeds, bars reach from the least to the greatest."
FEW = 10  # values that have room for a tick each
MOST = 100  # configurations in a figure, or as pictures: nobody tells more apart


def label(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Name a run or a configuration by the values of some parameters."""
    return ", ".join(f"{name}={row[name]}" for name in names)


def number(value: float, places: int = 1) -> str:
    """Write a number as in a text."""
    return f"{value:,.{places}f}".replace("-", "\N{MINUS SIGN}")


def plus_minus(kind: Mapping[str, Any]) -> str:
    """Write a configuration's ELBO: its mean, ± its deviation where there is one."""
    mean = number(kind["elbo"], 2)
    return f"{mean} ± {number(kind['deviation'], 2)}" if kind["seeds"] > 1 else mean


def best_of(kinds: pd.DataFrame) -> pd.DataFrame:
    """Choose the configurations that are drawn, those with the highest ELBO, in their order."""
    return kinds.nlargest(MOST, "elbo").sort_index()


def figures(
    runs: pd.DataFrame, kinds: pd.DataFrame, names: Sequence[str], images: str
) -> list[dict[str, Any]]:
    """Draw runs whose ELBOs compare: against the first number that varies, if one does.

    Of very many configurations the best are drawn, and the captions say so.

    Args:
        runs: a row for each run.
        kinds: a row for each configuration: means, and the `label` of its runs.
        names: of the parameters that may tell them apart, in order of interest.
        images: what the images are called that the ELBO is of.

    Returns:
        Each figure as bytes, `svg`, with its `alt`, its `caption`, and what to `see`.
    """
    names = [name for name in names if kinds[name].nunique() > 1]
    x = next((name for name in names if is_numeric_dtype(kinds[name])), None)  # z_dim comes first
    best = best_of(kinds)
    runs = runs[runs["label"].isin(best["label"])]
    with plt.rc_context():
        use_book_style()
        plt.rcParams.update({"svg.hashsalt": "report", "text.parse_math": False})
        if x is None:
            drawn = [draw(runs, best, images) for draw in (_rate_distortion, _dots)[not names :]]
        else:
            others = [name for name in names if name != x]
            drawn = [
                _rate_distortion(runs, best, images, x, others),
                _elbo(runs, best, images, x, others, kinds[x]),
                _active_units(runs, best, x, others),
            ]
    if len(best) < len(kinds):
        which = f"the {MOST} of {len(kinds):,} configurations with the highest ELBO"
        return [each | {"caption": f"{each['caption']} Drawn are {which}."} for each in drawn]
    return drawn


def _elbo(
    runs: pd.DataFrame,
    kinds: pd.DataFrame,
    images: str,
    x: str,
    others: Sequence[str],
    tried: pd.Series,
) -> dict[str, Any]:
    ax = _against(runs, x, others, "elbo", "test ELBO, nats per image")
    best = kinds.loc[kinds["elbo"].idxmax()]
    see = f"The highest mean is that of {best['label']}: {plus_minus(best)} nats."
    if best[x] in (tried.min(), tried.max()):
        end = "largest" if best[x] == tried.max() else "smallest"
        see += f" It is the {end} {x} of this sweep, so a better one may lie beyond."
    caption = f"The ELBO of the {images} against {x}. {_axis(runs[x])}"
    return _figure(ax, f"ELBO in nats. {_each(kinds, plus_minus)}.", caption, see)


def _active_units(
    runs: pd.DataFrame, kinds: pd.DataFrame, x: str, others: Sequence[str]
) -> dict[str, Any]:
    ax = _against(runs, x, others, "active_units", "active units")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    full = kinds["fewest_active"] == kinds["z_dim"]
    most = kinds.loc[full, "z_dim"].max()
    if full.all():
        see = "In every run all latent dimensions are active."
    elif not full.any():
        see = "Each configuration has a run in which some latent dimensions are silent."
    elif (full == (kinds["z_dim"] <= most)).all():
        see = f"Up to z_dim={most} all latent dimensions are active in every run. "
        see += "Beyond, each configuration has a run in which some are silent."
    else:
        see = f"In {full.sum()} of {len(kinds)} configurations all latent dimensions are active "
        see += "in every run."
    caption = f"How many latent dimensions are active, against {x}. {_axis(runs[x])}"
    alt = _each(kinds, lambda kind: number(kind["active_units"]))
    return _figure(ax, f"Mean number of active units. {alt}.", caption, see)


def _rate_distortion(
    runs: pd.DataFrame,
    kinds: pd.DataFrame,
    images: str,
    x: str | None = None,
    others: Sequence[str] = (),
) -> dict[str, Any]:
    parts = dict(list(runs.groupby("label")[["kl", "reconstruction"]]))
    ax = _axes()
    rate_distortion({name: parts[name].to_numpy().T for name in kinds["label"]}, ax)
    if x is not None:
        _join(ax, kinds, x, others)
    _keep_apart(ax)
    low, high = kinds.loc[kinds["kl"].idxmin()], kinds.loc[kinds["kl"].idxmax()]
    alt = _each(kinds, lambda kind: f"{number(kind['kl'])}, {number(kind['reconstruction'])}")
    see = (
        "Along a dotted line the ELBO is the same; toward the lower left it is higher. "
        f"The rate goes from {number(low['kl'])} nats, with {low['label']}, "
        f"to {number(high['kl'])}, with {high['label']}."
    )
    beside = f", with {x} beside the points" if x else ""
    caption = f"Rate and distortion of the {images}{beside}. {MEANS}"
    return _figure(ax, f"Mean rate and distortion in nats. {alt}.", caption, see)


def _join(ax: Any, kinds: pd.DataFrame, x: str, others: Sequence[str]) -> None:
    """Give points the lines and colors that the other figures have, and each x one label."""
    names = [label(kind, others) for kind in kinds.to_dict("records")]
    for i, name in enumerate(dict.fromkeys(names)):
        at = [k for k, other in enumerate(names) if other == name]
        rate, distortion = (kinds[column].iloc[at] for column in ("kl", "reconstruction"))
        ax.plot(rate, distortion, STYLES[i % len(STYLES)], c=f"C{i}", ms=5, lw=1, label=name)
        for marker, caps, bars in (ax.containers[k] for k in at):
            marker.set_visible(False)
            plt.setp(caps, mec=f"C{i}")
            plt.setp(bars, color=f"C{i}")
    for text, value, again in zip(list(ax.texts), kinds[x], kinds[x].duplicated(), strict=True):
        text.set_text(value)
        text.set_visible(not again)
    if others:
        ax.legend().set_in_layout(False)  # its place comes later


def _dots(runs: pd.DataFrame, kinds: pd.DataFrame, images: str) -> dict[str, Any]:
    ax = _axes(0.42 * len(kinds) + 0.9)
    values = {kind: runs.loc[runs["label"] == kind, "elbo"] for kind in kinds["label"]}
    seed_dots(values, "test ELBO, nats per image", ax)
    see = f"The runs lie from {number(runs['elbo'].min())} to {number(runs['elbo'].max())} nats."
    caption = f"The ELBO of the {images}: a dot for each seed, and a bar at their mean."
    return _figure(ax, f"ELBO in nats. {_each(kinds, plus_minus)}.", caption, see)


def _against(runs: pd.DataFrame, x: str, others: Sequence[str], column: str, ylabel: str) -> Any:
    """Draw one line for each combination of the other parameters."""
    ax, steps = _axes(), sorted(runs[x].unique())
    series = runs.assign(series=[label(row, others) for row in runs.to_dict("records")])
    curves = {
        str(name): mine.pivot_table(column, "seed", x).reindex(columns=steps).to_numpy()
        for name, mine in series.groupby("series", sort=False)
    }
    with warnings.catch_warnings():  # NumPy warns of a mean over no run at all
        warnings.simplefilter("ignore", RuntimeWarning)
        seed_bars(steps, curves, x, ylabel, ax)
    if _is_wide(steps):
        ax.set_xscale("log")
    if _is_wide(steps) and len(steps) <= FEW:
        ax.set_xticks(steps, [f"{step:g}" for step in steps])
        ax.xaxis.set_minor_locator(NullLocator())
    return ax


def _is_wide(steps: Any) -> bool:
    return bool(0 < 10 * min(steps) < max(steps))


def _axis(steps: Any) -> str:
    return f"{MEANS} The horizontal axis is logarithmic." if _is_wide(steps) else MEANS


def _keep_apart(ax: Any) -> None:
    """Raise labels until none covers another: beyond enough dimensions, points nearly agree.

    A label that would have to rise out of the axes is left out.
    """
    ax.figure.draw_without_rendering()
    top, point = ax.get_window_extent().y1, ax.figure.dpi / 72
    taken: list[Any] = []
    for text in list(filter(Text.get_visible, ax.texts)):
        box = start = text.get_window_extent()
        while box.y0 < top and (under := [each.y1 for each in taken if each.overlaps(box)]):
            box = box.translated(0, max(under) - box.y0 + point)
        text.xyann = (text.xyann[0], text.xyann[1] + (box.y0 - start.y0) / point)
        text.set_visible(box.y0 < top)
        if text.get_visible():
            taken.append(box)


def _axes(height: float = 3.4) -> Any:
    """Return axes of a figure that pyplot does not keep: there is nothing to close."""
    return Figure(figsize=(4.8, height)).subplots()  # letters stay readable on a phone


def _each(kinds: pd.DataFrame, say: Callable[[Any], str]) -> str:
    return "; ".join(f"{kind['label']}: {say(kind)}" for kind in kinds.to_dict("records"))


def _figure(ax: Any, alt: str, caption: str, see: str) -> dict[str, Any]:
    if ax.get_legend():  # above the figure, which grows: there it covers nothing
        labels = ax.get_legend_handles_labels()[1]
        columns = 2 if max(map(len, labels)) < 24 else 1
        ax.figure.set_figheight(ax.figure.get_figheight() + 0.22 * -(-len(labels) // columns))
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns)
    file = io.BytesIO()
    ax.figure.savefig(file, format="svg", metadata={"Date": None})
    return {"svg": file.getvalue(), "alt": alt, "caption": caption, "see": see}
