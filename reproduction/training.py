"""Train one run with one seed, and judge it: both can be stopped at any time, and go on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reproduction.runs import Run
from vae_lib.data import Digits
from vae_lib.decoder import binarize, start_at_mean
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.latent_space import active_units
from vae_lib.loss import Objective
from vae_lib.model import VAE
from vae_lib.tensorflow_quietly import keras
from vae_lib.tighter_bounds import own_images, sandwich
from vae_lib.training import train

FIXED = 2016  # the seed of coins that are drawn once; no seed of a training
OWN = 1000  # images that a model makes itself, to see how far its bound is from the truth
HELD_OUT = 5000  # training images, the last ones, that choose a schedule
REPORTS = 100  # in the curve of a training
EVERY = 1000  # iterations between two checkpoints


class Images(NamedTuple):
    """Images to train on, and images to judge by, in rows of pixels."""

    x: np.ndarray
    x_judge: np.ndarray


def images_of(run: Run, digits: Digits, held_out: bool = False) -> Images:
    """Images as a run takes them.

    Args:
        run: says what pixels are.
        digits: all of them, in rows of pixels.
        held_out: whether to judge by training images that are held out, and not by the test images.
    """
    x, x_judge = digits.x_train, digits.x_test
    if held_out:
        n = min(HELD_OUT, len(x) // 4)
        x, x_judge = x[:-n], x[-n:]
    if run.pixels == "fixed coins":
        x = binarize(x, (FIXED, 0)).numpy()
    if run.pixels != "bytes":
        x_judge = binarize(x_judge, (FIXED, 1)).numpy()
    return Images(x, x_judge)


def new_model(run: Run, seed: int, x: np.ndarray) -> VAE:
    """Make the model of a run, compiled, at the start of its training on x, `(n, 784)`.

    Its weights and biases start as in the paper: by Glorot and Bengio, 2010, equation 16, and at
    the mean image.
    """
    likelihood = "discretized_logistic" if run.pixels == "bytes" else "bernoulli"
    model = VAE(50, (200, 200), likelihood=likelihood, seed=seed, activation="tanh")
    draw = keras.initializers.GlorotUniform(keras.random.SeedGenerator(seed))
    for weight in model.weights:
        if weight.name == "kernel":
            weight.assign(draw(weight.shape))
    start_at_mean(model.decoder, x)
    rate = keras.optimizers.schedules.CosineDecay(
        run.learning_rate, run.iterations(len(x)), alpha=1e-3
    )
    weighted = Objective(n_samples=run.k, importance_weighted=True) if run.k > 1 else None
    model.compile(keras.optimizers.Adam(rate), loss=weighted)
    return model


def train_run(run: Run, seed: int, x: np.ndarray, folder: Path, told: dict[str, Any]) -> VAE:
    """Train a run to its end, from wherever its checkpoints stand.

    Args:
        run: what is trained.
        seed: of all that is drawn.
        x: images to train on, `(n, 784)`.
        folder: of the checkpoints.
        told: the curve is put into it, also of a training that is stopped; and the seconds.
    """
    model, total = new_model(run, seed, x), run.iterations(len(x))
    how: dict[str, Any] = {
        "batch_size": run.batch_size,
        "binarize": run.pixels == "coins",
        "seed": seed,
    }
    how |= {"report_every": max(1, total // REPORTS), "checkpoint": folder, "every": EVERY}
    try:
        with timed(told, "training", total, folder):
            train(model, x, total, **how)
    finally:
        if history := getattr(model, "history", None):
            names = "iteration", "loss", "reconstruction", "kl"
            told["curve"] = {name: history[name].round(3).tolist() for name in names}
    return model


def judge(
    model: VAE, x: np.ndarray, seed: int, n_samples: int, folder: Path, told: dict[str, Any]
) -> None:
    """Estimate minus log p(x) of images, from wherever its checkpoint stands.

    Args:
        model: what is judged.
        x: images, `(n, 784)`.
        seed: of the draws of z.
        n_samples: how many of them for each image.
        folder: of the checkpoints.
        told: into it are put the average, `nats`; two standard errors of it: `error`, over images,
            and `draws_error`, by the draws of z alone; `elbo_loss`, by one draw; how many units are
            active; and the seconds.
    """
    with timed(told, "evaluation", n_samples, folder):
        bound, error = importance_weighted_bound(
            model, x, n_samples, seed, return_error=True, checkpoint=folder
        )
    told["nats"] = float(-bound.mean())
    told["error"] = float(bound.std(ddof=1) / np.sqrt(len(x)))
    told["draws_error"] = float(np.sqrt(np.sum(error**2)) / len(x))
    told["elbo_loss"] = float(-importance_weighted_bound(model, x, 1, seed).mean())
    told["active_units"] = int(active_units(model.encoder(x)[0].numpy()).sum())


def doubt(
    model: VAE, run: Run, images: Images, seed: int, n_samples: int, told: dict[str, Any]
) -> None:
    """Measure by how much the figure of a trained model may be off.

    Args:
        model: that was trained and judged.
        run: says what pixels are.
        images: that it was trained on, and judged by.
        seed: of all that is drawn.
        n_samples: draws of z for each image that judged it.
        told: into it are put how far the bounds from below and above are apart on average, of
            images that the model made itself: `band`, and its standard error, `band_error`; and
            minus the bound of a fifth of the draws: of the images it was judged by, `nats_fewer`,
            and of as many that it was trained on, `nats_seen`.
    """
    lower, upper = sandwich(model, *own_images(model, OWN, seed), n_samples, seed)
    told["band"] = float(np.mean(upper - lower))
    told["band_error"] = float(np.std(upper - lower, ddof=1) / np.sqrt(OWN))
    seen = images.x[: len(images.x_judge)]
    if run.pixels == "coins":
        seen = binarize(seen, (FIXED, 2)).numpy()
    for name, x in (("nats_fewer", images.x_judge), ("nats_seen", seen)):
        told[name] = float(-importance_weighted_bound(model, x, n_samples // 5, seed).mean())


def stands_at(folder: Path) -> int:
    """How far the work of a folder has come, by its last checkpoint."""
    return max(
        (int(path.stem.split("-")[1]) for path in folder.glob("checkpoint-*.npz")), default=0
    )


@contextmanager
def timed(told: dict[str, Any], work: str, total: int, folder: Path) -> Iterator[None]:
    """Tell how many seconds all of the work takes that is done inside, and how many of a processor.

    A part of it may have been done before: then the speed of what was left counts. Where nothing
    was left, what was told before stays.
    """
    clocks = {"seconds": time.perf_counter, "processor_seconds": time.process_time}
    left, start = total - stands_at(folder), {name: clock() for name, clock in clocks.items()}
    yield
    if left > 0:
        for name, clock in clocks.items():
            told[f"{work}_{name}"] = round((clock() - start[name]) * total / left, 3)
