"""What a change of one choice moves a figure by: `python -m reproduction.choices`.

The published network, trained for a fiftieth of the time of `reproduction.runs`, and judged by
training images that are held out: first as the runs do it, then with one thing done differently.
It takes half an hour on two cores, and writes reproduction/choices.json.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench.machine import describe
from bench.options import in_a_folder
from reproduction import ROOT
from reproduction.options import all_of_mnist, seeds_option
from reproduction.runs import AS_IT_IS, OTHER_COINS, RUNS, Run
from reproduction.training import FIXED, images_of, new_model
from vae_lib.data import DataError, Digits
from vae_lib.decoder import binarize
from vae_lib.evaluation import importance_weighted_bound
from vae_lib.loss import elbo, kl_divergence
from vae_lib.model import VAE
from vae_lib.support.commands import SeveralValues, status_of
from vae_lib.support.files import write_text
from vae_lib.support.printing import say
from vae_lib.training import train

BASE = replace(RUNS["vae"], epochs=20)
DRAWS = 200  # of z for each image that is judged by
OTHER_THROWS = 5  # of the coins of the images that are judged by


def nats(model: VAE, x: np.ndarray, n_samples: int = DRAWS) -> float:
    """Estimate minus log p(x) of images, `(n, 784)`, on average."""
    return float(-importance_weighted_bound(model, x, n_samples).mean())


def trained(run: Run, seed: int, x: np.ndarray, bias_at_zero: bool = False) -> VAE:
    """Train a run to its end, on images of `(n, 784)`."""
    model = new_model(run, seed, x)
    if bias_at_zero:
        bias = model.decoder.weights[-1]
        bias.assign(np.zeros(bias.shape))
    coins = run.pixels == "coins"
    train(model, x, run.iterations(len(x)), batch_size=run.batch_size, binarize=coins, seed=seed)
    return model


def at_the_mean(model: VAE, x: np.ndarray) -> float:
    """Minus the ELBO of images, `(n, 784)`, with the mean of q in the place of a draw."""
    mean, log_var = model.encoder(x)  # (n, z_dim)
    log_likelihood = model.log_likelihood(x, model.decoder(mean))  # (n,)
    return float(-np.mean(elbo(log_likelihood, kl_divergence(mean, log_var))))


def by_measure(model: VAE, digits: Digits, x: np.ndarray) -> Iterator[tuple[str, float]]:
    """Judge one model in several ways, by its held-out images `x`, `(n, 784)`, and others."""
    gray = images_of(replace(BASE, pixels="bytes"), digits, held_out=True)
    yield AS_IT_IS, nats(model, x)
    yield "one draw: the ELBO", nats(model, x, 1)
    yield "20 draws", nats(model, x, 20)
    yield "1,000 draws", nats(model, x, 1000)
    yield "no draw: z at the mean of q", at_the_mean(model, x)
    yield "pixels rounded at ½", nats(model, np.round(gray.x_judge))
    yield "gray pixels in the formula for coins", nats(model, gray.x_judge)
    for throw in range(OTHER_THROWS):
        coins = binarize(gray.x_judge, (FIXED, 2 + throw)).numpy()
        yield f"{OTHER_COINS} {throw + 1}", nats(model, coins)


def by_training(seed: int, digits: Digits) -> Iterator[tuple[str, float]]:
    """Train in several ways, from one start, and judge all alike."""
    x, x_judge = images_of(BASE, digits, held_out=True)
    yield "output bias at zero", nats(trained(BASE, seed, x, bias_at_zero=True), x_judge)
    yield "twice as many epochs", nats(trained(replace(BASE, epochs=40), seed, x), x_judge)
    fixed = replace(BASE, pixels="fixed coins")
    once, _ = images_of(fixed, digits, held_out=True)
    yield "coins drawn once for training", nats(trained(fixed, seed, once), x_judge)
    gray = images_of(replace(BASE, pixels="bytes"), digits, held_out=True).x_judge
    seen = np.concatenate([gray, x[len(gray) :]])  # as many, with those that judge among them
    yield "images that it was trained on", nats(trained(BASE, seed, seen), x_judge)


def all_choices(seed: int, digits: Digits) -> dict[str, float]:
    """Minus log p(x) of held-out images in nats, by what was done differently."""
    x, x_judge = images_of(BASE, digits, held_out=True)
    told = dict(by_measure(trained(BASE, seed, x), digits, x_judge))
    return told | dict(by_training(seed, digits))


def measure(seeds: Sequence[int], digits: Digits, path: Path) -> None:
    """Write the record of all choices with each seed, whole after each."""
    told: dict[str, Any] = {}
    for seed in seeds:
        say(f"choices, seed {seed}")
        told[str(seed)] = all_choices(seed, digits)
        settings = {"epochs": BASE.epochs, "n_samples": DRAWS, "data": digits.name}
        record = {"settings": settings, "machine": describe(), "seeds": told}
        write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


@click.command(cls=SeveralValues)
@seeds_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=in_a_folder,
    default=ROOT / "reproduction/choices.json",
    show_default="reproduction/choices.json",
    help="the file of the record",
)
def program(seeds: Sequence[int], out: Path) -> None:
    """Measure what a change of one choice moves a figure by."""
    measure(seeds, all_of_mnist(), out)


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    return status_of(program, words, failed=(DataError,))


if __name__ == "__main__":
    sys.exit(main())
