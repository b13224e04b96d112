"""Long work, shortened, of which a test kills the process: it keeps what it can in a folder."""

import json
from dataclasses import replace

import keras
import numpy as np

from reproduction import __main__ as command
from reproduction import training as reproduction
from reproduction.runs import RUNS
from vae_lib import evaluation
from vae_lib import training as library
from vae_lib.data import Digits, load_mnist
from vae_lib.model import VAE
from vae_lib.support.files import write_bytes, write_whole

X = np.random.default_rng(0).random((200, 30)).astype("float32")


def new_model():
    model = VAE(z_dim=2, h_dim=6, x_dim=30)
    model.compile(keras.optimizers.Adam(3e-3))
    return model


def training(folder, out):
    """Train, with a checkpoint as often as can be, and write the weights."""
    model = new_model()
    how = {"batch_size": 16, "report_every": 50, "every": 5, "checkpoint": folder}
    library.train(model, X, 200, **how)
    write_whole(out, lambda file: np.savez(file, *model.get_weights()))


def evaluating(folder, out):
    """Evaluate, with a checkpoint after five draws, and write the bounds and their errors."""
    evaluation.AT_ONCE = 5 * len(X)
    found = evaluation.importance_weighted_bound(
        new_model(), X, 200, return_error=True, checkpoint=folder
    )
    write_whole(out, lambda file: np.save(file, found))


def few_digits():
    """A hundred digits to train on, and sixty to judge by."""
    few = load_mnist("small", flat=True)
    train, test = (few.x_train[:100], few.y_train[:100]), (few.x_test[:60], few.y_test[:60])
    return Digits(*train, *test, "100 digits", "small")


def reproducing(folder, out):
    """Train a thousandth of a published run, judge it, and write its record but for the seconds."""
    library.STEPS_PER_CALL = reproduction.EVERY = 3
    evaluation.AT_ONCE = 60
    run = replace(RUNS["vae"], epochs=3, batch_size=20)
    folder.mkdir(exist_ok=True)
    path = command.reproduce(run, [0], few_digits(), out=folder, work=folder / "work", n_samples=12)
    record = json.loads(path.read_text())
    for seed in record["seeds"].values():
        for name in [name for name in seed if "seconds" in name]:
            del seed[name]
    told = {name: record[name] for name in ("summary", "settings", "seeds")}
    write_bytes(out, json.dumps(told).encode())
