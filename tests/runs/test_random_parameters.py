"""Whatever the parameters are, chapter 6 runs to its end: sets of them drawn at random.

Two by default; VAE_LIB_RANDOM_SETS says how many (`make random-sets`: 200).
"""

import os
import random
import subprocess
import sys

import pytest

from tests.helpers import ROOT
from vae_lib.parameters import ChapterParameters, validated

CHAPTER = ROOT / "chapters/06-training.ipynb"
COUNT = int(os.environ.get("VAE_LIB_RANDOM_SETS", "2"))
IMAGES = 20_000  # to train on, at most: what is asked is whether it ends, not what it learns
MAY_DIVERGE = 0.03  # a learning rate, above which training itself may have to stop


def drawn(seed):
    """Draw parameters for a short run; sizes and rates of every order of magnitude alike."""
    rng = random.Random(seed)

    def up_to(most):
        return round(most ** rng.random())

    batch_size = up_to(4000)
    return {
        "z_dim": up_to(200),
        "h_dim": up_to(200),
        "batch_size": batch_size,
        "iterations": min(up_to(60), max(1, IMAGES // batch_size)),
        "learning_rate": 10 ** rng.uniform(-7, 0),
        "likelihood": rng.choice(["bernoulli", "gaussian"]),
        "seed": rng.randrange(2**31),
        "data": "small",
    }


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [drawn(seed) for seed in range(COUNT)], ids=str)
def test_it_ends_well_with_parameters_drawn_at_random(tmp_path, parameters):
    validated(parameters, ChapterParameters)
    pairs = [text for name, value in parameters.items() for text in ("-p", name, str(value))]
    command = [sys.executable, "-m", "papermill", str(CHAPTER), "out.ipynb", *pairs]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if parameters["learning_rate"] > MAY_DIVERGE and done.returncode:
        assert "FloatingPointError: the loss became" in done.stderr
    else:
        assert done.returncode == 0, done.stderr[-2000:]
