"""A panel that moves β along models, each trained at its own (chapter 9)."""

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_lib.panels.panel import Panel
from vae_lib.panels.quantization import Array, gray_bytes
from vae_lib.plots import as_pictures
from vae_lib.support.numbers import finite, shaped

FRACTIONS = {0.25: "¼", 0.5: "½", 0.75: "¾"}


class RateDistortion(Panel):
    """Move β, and see the model in the plane of rate and distortion, and what is left of images.

    Nothing is computed in the page but a line: the panel holds the numbers of each model, and what
    it makes of the images.

    Args:
        betas: what each model was trained with, positive and rising, `(models,)`.
        rates: what each latent dimension costs, in nats, `(models, z_dim)`; R is their sum.
        distortions: D of each model, in nats, `(models,)`.
        x: images in [0, 1] that are squares, `(n, pixels)`.
        restored: what each model makes of them, `(models, n, pixels)`.

    Raises:
        ValueError: an argument is not as above.
    """

    scripts = ("parts.js", "rate_distortion.js")
    styles = ("panel.css", "rate_distortion.css")
    alt = (
        "A falling, convex curve of dots, one for each β, from a high rate to none; a dotted line "
        "of slope −β touches it in each. Beside it a row of restored digits for each β: sharp "
        "where β is small, then blurred, and in the end all the same gray mean image."
    )
    sentence = (
        "In a browser that runs scripts, this picture is a panel: you move β, and see its model "
        "on the curve, the line that touches it there, and what the model restores."
    )

    def __init__(self, betas: Any, rates: Any, distortions: Any, x: Any, restored: Any) -> None:
        self.betas = checked_betas(betas)  # (models,)
        models = len(self.betas)
        self.rates = shaped("rates", rates, (models, None), "(models, z_dim)")
        if self.rates.min() < 0:
            raise ValueError(f"rates held {self.rates.min():.4g}; it may hold numbers from 0")
        self.distortions = shaped("distortions", distortions, (models,), "(models,)")
        self.x = checked_images("x", x, (None, None), "(n, pixels)")  # (n, pixels)
        form = "(models, n, pixels)"
        self.restored = checked_images("restored", restored, (models, *self.x.shape), form)
        super().__init__(data=self._numbers())

    def _numbers(self) -> dict[str, Any]:
        """All that the page is given."""
        return {
            "models": [
                {
                    "beta": beta,
                    "name": FRACTIONS.get(beta, f"{beta:g}"),
                    "rates": np.round(rates, 4).tolist(),
                    "distortion": round(distortion, 4),
                    "restored": gray_bytes(restored).tolist(),
                }
                for beta, rates, distortion, restored in zip(
                    self.betas.tolist(),
                    self.rates,
                    self.distortions.tolist(),
                    self.restored,
                    strict=True,
                )
            ],
            "x": gray_bytes(self.x).tolist(),
            "ticks": {
                "rate": ticks(np.append(self.rates.sum(axis=1), 0)),
                "distortion": ticks(self.distortions),
            },
        }

    def picture(self) -> Figure:
        """Draw the curve with the line of each β, and what is restored, row by row."""
        figure, (plane, digits) = plt.subplots(1, 2, figsize=(9.6, 4.4), width_ratios=(5, 4))
        self._draw_plane(plane)
        rows = np.concatenate([self.x[None], self.restored])  # (1 + models, n, pixels)
        pictures = np.stack([as_pictures(row) for row in rows])  # (1 + models, n, side, side)
        side = pictures.shape[-1]
        sheet = pictures.swapaxes(1, 2).reshape(len(rows) * side, -1)
        digits.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
        labels = ["images", *(f"β = {model['name']}" for model in self.data["models"])]
        digits.set_xticks([])
        digits.set_yticks(side * (np.arange(len(rows)) + 0.5) - 0.5, labels)
        digits.tick_params(length=0)
        digits.spines[:].set_visible(False)
        return figure

    def _draw_plane(self, ax: Axes) -> None:
        rate = self.rates.sum(axis=1)
        ax.plot(rate, self.distortions, "o-")
        for model, x, y in zip(self.data["models"], rate, self.distortions, strict=True):
            ax.annotate(model["name"], (x, y), (4, 4), textcoords="offset points")
            ax.axline((x, y), slope=-model["beta"], color="0.45", lw=1, ls=":", zorder=0)
        (left, *_, right), (bottom, *_, top) = self.data["ticks"].values()
        ax.set(xlim=(left, right), ylim=(bottom, top))
        ax.set(xlabel="rate in nats", ylabel="distortion in nats")


def ticks(values: Array) -> list[float]:
    """Round numbers for an axis, the first and the last of which hold all values between them."""
    places = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(values.min(), values.max())
    return [float(place) for place in places]


def checked_betas(given: Any) -> Array:
    """Return the β of models, `(models,)`, or say what is wrong with them."""
    betas = finite("betas", given, "(models,)")
    if betas.ndim != 1 or len(betas) < 2 or betas[0] <= 0 or np.any(np.diff(betas) <= 0):
        raise ValueError(
            f"betas was {betas.tolist()}; it may be two positive numbers or more that rise"
        )
    return betas


def checked_images(name: str, given: Any, shape: tuple[int | None, ...], form: str) -> Array:
    """Return square images in [0, 1], `(..., pixels)`, or say what is wrong with them."""
    images = shaped(name, given, shape, form)
    if math.isqrt(images.shape[-1]) ** 2 != images.shape[-1]:
        raise ValueError(
            f"{name} had images of {images.shape[-1]} pixels; they may have a square number of them"
        )
    if images.min() < 0 or images.max() > 1:
        ends = f"from {images.min():.8g} to {images.max():.8g}"
        raise ValueError(f"{name} had values {ends}; they may be from 0 to 1")
    return images
