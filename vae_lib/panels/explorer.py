"""A panel on a plane of latent vectors: walk in it, decode and encode (chapter 7)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vae_lib.latent_space import prior_grid
from vae_lib.panels.panel import Panel
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
        x: test images in [0, 1], shape `(n, 784)`; their codes are shown.
        labels: the digit on each image, shape `(n,)`; each of 0 to 9 is there.

    Raises:
        ValueError: there is no checkpoint, or z_dim is not 2, or a digit is missing, or `z`
            is set to something other than two finite numbers.
    """

    scripts = ("vae.js", "parts.js", "map.js", "drawing.js", "explorer.js")
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
        labels = np.asarray(labels, np.uint8)
        check_checkpoints(checkpoints)
        if missing := set(range(10)) - set(labels.tolist()):
            raise ValueError(f"labels held no {min(missing)}; each digit from 0 to 9 is needed")
        samples = np.stack([x[labels == digit][0] for digit in range(10)])  # (10, 784)
        super().__init__(
            data={
                "checkpoints": [
                    {
                        "iteration": iteration,
                        "network": network.packed(),
                        "codes": base64_text(network.encode(x)[0].astype(np.float32)),
                    }
                    for iteration, network in sorted(checkpoints.items())
                ],
                "labels": base64_text(labels),
                "samples": base64_text(gray_bytes(samples)),
                "limit": LIMIT,
            }
        )
        self.network = checkpoints[max(checkpoints)]

    def picture(self) -> Figure:
        """Draw the plane, decoded at 12 × 12 points that share out 90 % of the prior."""
        logits = self.network.decode_logits(prior_grid(12, 0.9))
        return digit_grid(1 / (1 + np.exp(-logits)), columns=12, size=0.4)


def check_checkpoints(checkpoints: Mapping[int, QuantizedVAE]) -> None:
    """Refuse what cannot be shown on a plane."""
    if not checkpoints:
        raise ValueError("checkpoints was empty; at least one model is needed")
    for network in checkpoints.values():
        if (z_dim := len(network.mean.bias)) != 2:
            raise ValueError(f"z_dim was {z_dim}; the explorer shows a plane, so it may be 2")
