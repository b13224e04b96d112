"""The same convolutional network, by Keras's `fit`."""

import numpy as np

from bench.protocol import Settings, Turn
from bench.studies.convolutions_train import build
from bench.work import CONVOLVED, as_pictures


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Take `CONVOLVED` steps in every turn, on images x of shape `(n, 784)`."""
    model, batch_size = build(settings), settings["batch_size"]
    images = as_pictures(x)[: CONVOLVED * batch_size]
    while True:
        with turn() as result:
            history = model.fit(images, batch_size=batch_size, verbose=0).history
            result.update(loss=float(history["loss"][-1]), images=len(images))
