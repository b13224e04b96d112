"""What every test has: digits, strict checks, no window and no bar, gradients, a process."""

import os
import subprocess
import sys
from collections import Counter

os.environ["MPLBACKEND"] = "Agg"
os.environ["TQDM_DISABLE"] = "1"

import pytest

from vae_lib.checks import report_only
from vae_lib.data import load_mnist


def pytest_collection_modifyitems(items):
    """Files with the most slow tests go first: begun last, one would keep a single worker busy."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def _strict():
    """What does not hold raises, whatever parameters a test before this one has set."""
    yield
    report_only(False)


@pytest.fixture(scope="session")
def split():
    """The 5,000 handwritten digits that come with the library: to train on, and to test."""
    return load_mnist("small", flat=True)


@pytest.fixture(scope="session")
def digits(split):
    """500 of them in [0, 1], in no order, (500, 784)."""
    return split.x_train[:500]


@pytest.fixture(scope="session")
def gradients():
    """The gradients, by TensorFlow, of the sum of a function's values."""
    from vae_lib.tensorflow_quietly import tf

    def of(function, *at):
        at = [tf.constant(a) for a in at]
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = function(*at)
        return [g.numpy() for g in tape.gradient(value, at)]

    return of


@pytest.fixture(scope="session")
def python():
    """Run code in a fresh process, without TensorFlow's own settings; return what it did."""

    def run(code, **environment):
        return subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("TF_")} | environment,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium, while the tests of one file run: no event loop can start beside it."""
    from tests.helpers import chromium_or_skipped

    with chromium_or_skipped() as browser:
        yield browser
