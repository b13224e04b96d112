"""What a notebook hands over to the sweep that runs it."""

import os
from typing import Any

PLACE = "VAE_LIB_RUN_MODEL"  # the environment variable by which a run says where its model goes


def hand_over(model: Any) -> None:
    """Hand a trained model over to the sweep that runs this notebook; elsewhere, do nothing.

    The sweep keeps it with the run's notebook and numbers, if the notebook comes to its end. Called
    more than once, the last model counts.

    Args:
        model: what Keras can save.

    Raises:
        OSError: the disk is full, say.
    """
    if path := os.environ.get(PLACE):
        model.save(path)
