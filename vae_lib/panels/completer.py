"""A panel that completes a digit of which a reader hides a part (chapter 11)."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vae_lib.model import VAE
from vae_lib.panels.panel import Panel, checked_labels, images_for_a_page
from vae_lib.panels.quantization import base64_text, quantize
from vae_lib.plots import digit_grid
from vae_lib.uses import draw_completions, fit_to_seen, normalized

SIDES = (14, 28)  # a drawing of 28×28 pixels becomes one of these


class Completer(Panel):
    """Hide a part of a digit, and see what a model puts there: several draws, by their weights.

    In the page the model is in whole numbers. Draws come from a Gaussian that is fitted to the
    pixels that are seen, as by `fit_to_seen`, and then made a quarter wider, and are weighed as by
    `draw_completions`; or, to compare, from the encoder of the image without what is hidden, or
    from the prior.

    Args:
        model: a trained `VAE` of 14×14 or 28×28 pixels, with all that `quantize` asks for. The
            smaller ones take less than a tenth of a second, and draw better: their codes are
            shorter.
        x: test images of the model's size, of zeros and ones, to choose from.
        labels: the class of each image, shape `(n,)`, a whole number from 0 to 255; up to ten
            different ones.

    Raises:
        ValueError: an argument is not as above.
    """

    scripts = ("vae.js", "parts.js", "pad.js", "completer.js")
    worker = ("vae.js", "completion.js", "completer_worker.js")
    styles = ("panel.css", "completer.css")
    alt = (
        "Four digits of which the lower half is hidden, and six completions of each: they agree "
        "where the upper half leaves no choice, and differ where it does."
    )
    sentence = (
        "In a browser that runs scripts, this picture is a panel: you hide a part of a digit, and "
        "the model completes it, six times."
    )

    def __init__(self, model: VAE, x: Any, labels: Any) -> None:
        side = side_of(model)
        network = quantize(model)
        x = images_for_a_page(x, side)  # (n, side²)
        if not np.isin(x, (0, 1)).all():
            raise ValueError(
                "x held values between 0 and 1; it may hold zeros and ones: x > 0.5, say"
            )
        super().__init__(
            data={
                "network": network.packed(),
                "digits": base64_text(x.astype(np.uint8)),
                "labels": base64_text(checked_labels(labels, len(x))),
            }
        )
        self.model, self.x = model, x

    def picture(self) -> Figure:
        """Draw up to four of the digits, what is seen of them, and six completions of each."""
        x = self.x[:4]
        side = side_of(self.model)
        row, column = np.divmod(np.arange(side**2), side)
        seen = (row < side // 2).astype(np.float32)  # (side²,)
        stripes = 0.4 * ((row + column) % 4 == 0)
        drawn = draw_completions(self.model, x, seen, fit_to_seen(self.model, x, seen), 500)
        rng = np.random.default_rng(0)
        rows = []
        for image, z, log_weight in zip(x, drawn.z, drawn.log_weight, strict=True):
            picked = rng.choice(len(z), 6, p=normalized(log_weight))
            means = self.model.decode(z[picked]).numpy()  # (6, side²)
            rows += [image, *np.where(seen == 1, image, [stripes, *means])]
        return digit_grid(np.array(rows), columns=8, size=0.6)


def side_of(model: Any) -> int:
    """The side of a model's images in pixels, or why they cannot be completed in a page."""
    if not isinstance(model, VAE):
        raise ValueError(f"model was of type {type(model).__name__}; it may be a trained VAE")
    for side in SIDES:
        if model.x_shape == (side**2,):
            return side
    forms = " or ".join(f"({side**2},)" for side in SIDES)
    raise ValueError(
        f"model had images of the shape {model.x_shape}; the completer shows 14×14 or 28×28 "
        f"pixels, so it may be {forms}: train a VAE with x_dim=196 or 784"
    )
