"""A panel that trains a two-dimensional VAE in the browser (chapter 7)."""

import zlib
from typing import Any, ClassVar

from matplotlib.figure import Figure

from vae_lib.panels.panel import Panel, images_for_a_page
from vae_lib.panels.quantization import base64_text, gray_bytes
from vae_lib.plots import digit_grid


class Trainer(Panel):
    """Train a two-dimensional VAE on a few digits, in the browser.

    Args:
        x: images in [0, 1] of 28×28 pixels, shape `(n, 784)`, at least one minibatch of them.

    Raises:
        ValueError: there are fewer images than a minibatch holds, or they are not as above.
    """

    scripts = ("vae.js", "parts.js", "trainer_chart.js", "trainer.js")
    worker = ("vae.js", "trainer_worker.js")
    styles = ("panel.css", "trainer.css")
    alt = "Forty handwritten digits of those that the panel trains on."
    sentence = (
        "In a browser that runs scripts, this picture is a panel that trains a small VAE on "
        "digits like these, while you watch its losses and what it generates."
    )
    H_DIM: ClassVar[int] = 128
    BATCH_SIZE: ClassVar[int] = 64

    def __init__(self, x: Any) -> None:
        x = images_for_a_page(x)
        if len(x) < self.BATCH_SIZE:
            raise ValueError(
                f"x held {len(x)} images; it may hold {self.BATCH_SIZE}, a minibatch, or more"
            )
        pixels = gray_bytes(x)  # (n, 784)
        self.shown = pixels[:40] / 255
        super().__init__(
            data={
                "digits": base64_text(zlib.compress(pixels.tobytes(), 9)),
                "count": len(pixels),
                "h_dim": self.H_DIM,
                "batch_size": self.BATCH_SIZE,
            }
        )

    def picture(self) -> Figure:
        """Draw the first digits that it trains on."""
        return digit_grid(self.shown, columns=10, size=0.5)
