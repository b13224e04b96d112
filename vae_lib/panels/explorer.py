"""A panel on a plane of latent vectors: walk in it, decode and encode (chapter 7)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vae_lib.latent_space import prior_grid
from vae_lib.panels.panel import X_DIM, Panel, checked_labels, images_for_a_page
from vae_lib.panels.quantization import QuantizedVAE, base64_text, gray_bytes
from vae_lib.plots import digit_grid

LIMIT = 4  # the pad shows [-4, 4]²: all of the prior but one part in 8,000


class Coordinates(traitlets.TraitType[list[float], Any]):
    """A widget's value that is two finite numbers."""

    def validate(self, obj: Any, value: Any) -> list[float]:
        """Return the numbers in a list, or say why not."""
        try:
            first, second = (float(number) for number in value)
        except (TypeError, ValueError):
            first = second = np.nan
        if not np.isfinite([first, second]).all():
            raise ValueError(f"{self.name} was {value!r}; it may be two finite numbers")
        return [first, second]


class Explorer(Panel):
    """Walk in a two-dimensional latent space: decode where you point, encode what you draw.

    A widget with one value, `z`, the point that is decoded: two numbers that Python can read
    and set. In the published book the same panel runs without Python.

    Args:
        checkpoints: the model in whole numbers, by the training iteration it was taken at;
            the explorer begins with the last.
        x: test images in [0, 1] of 28×28 pixels, shape `(n, 784)`; their codes are shown.
        labels: the class of each image, shape `(n,)`, a whole number from 0 to 255; up to ten
            different ones.

    Raises:
        ValueError: an argument is not as above, or z_dim is not 2, or `z` is set to something
            other than two finite numbers.
    """

    scripts = ("vae.js", "parts.js", "map.js", "pad.js", "drawing.js", "explorer.js")
    styles = ("panel.css",)
    shared = ("data", "z")
    alt = (
        "A square of generated handwritten digits, one for each point of a grid in the plane of "
        "latent vectors: neighbors look alike."
    )
    sentence = (
        "In a browser that runs scripts, this picture is a panel: you point at a latent vector "
        "and see its digit, and draw a digit and see its code."
    )

    z = Coordinates([0.0, 0.0]).tag(sync=True)

    def __init__(self, checkpoints: Mapping[int, QuantizedVAE], x: Any, labels: Any) -> None:
        check_checkpoints(checkpoints)
        x = images_for_a_page(x)  # (n, 784)
        labels = checked_labels(labels, len(x))  # (n,)
        _, first = np.unique(labels, return_index=True)  # of each class
        super().__init__(
            data={
                "checkpoints": [
                    {
                        "iteration": int(iteration),
                        "network": network.packed(),
                        "codes": base64_text(network.encode(x)[0].astype(np.float32)),
                    }
                    for iteration, network in sorted(checkpoints.items())
                ],
                "labels": base64_text(labels),
                "samples": base64_text(gray_bytes(x[first])),
                "limit": LIMIT,
            }
        )
        self.network = checkpoints[max(checkpoints)]

    def picture(self) -> Figure:
        """Draw the plane, decoded at 12 × 12 points that share out 90 % of the prior."""
        logits = self.network.decode_logits(prior_grid(12, 0.9))
        return digit_grid(1 / (1 + np.exp(-logits)), columns=12, size=0.4)


def check_checkpoints(checkpoints: Any) -> None:
    """Refuse what cannot be shown on a plane."""
    form = "it may be a mapping {iteration: quantize(model)}"
    if not isinstance(checkpoints, Mapping):
        raise ValueError(f"checkpoints was of type {type(checkpoints).__name__}; {form}")
    if not checkpoints:
        raise ValueError(f"checkpoints was empty; {form} of at least one model")
    for iteration, network in checkpoints.items():
        if not isinstance(iteration, int | np.integer) or not isinstance(network, QuantizedVAE):
            kinds = f"{type(iteration).__name__}: {type(network).__name__}"
            raise ValueError(f"checkpoints held {{{kinds}}}; {form}")
        check_network(network)


def check_network(network: QuantizedVAE) -> None:
    """Refuse a model of another size than the page computes, or with broken weights."""
    for name, size, wanted in (
        ("z_dim", len(network.mean.bias), 2),
        ("x_dim", len(network.logits.bias), X_DIM),
    ):
        if size != wanted:
            raise ValueError(
                f"{name} was {size}; the explorer shows a plane of 28×28 images, so it may be "
                f"{wanted}: train a model with {name}={wanted}"
            )
    if not all(np.isfinite([*layer.scale, *layer.bias]).all() for layer in network):
        raise ValueError(
            "checkpoints held weights that are no finite numbers; all may be finite: train the "
            "model again, with a lower learning rate"
        )
