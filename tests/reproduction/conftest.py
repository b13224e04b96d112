"""What the tests of the reproduction share."""

import pytest

from vae_lib.data import Digits


@pytest.fixture(scope="module")
def few(split):
    """A hundred digits to train on, and sixty to judge by."""
    x, y = split.x_train[:100], split.y_train[:100]
    return Digits(x, y, split.x_test[:60], split.y_test[:60], "100 digits", "small")
