"""What the page "Is my number good?" says of the records: rows of its tables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reproduction.runs import AS_IT_IS, RUNS

Record = Mapping[str, Any]
IMAGES = 60_000  # of MNIST, to train on
TITLES = {
    "vae": "VAE, one draw",
    "iwae-5": "importance-weighted, 5 draws",
    "iwae-50": "importance-weighted, 50 draws",
    "vae-fixed-coins": "VAE, coins drawn once",
    "vae-bytes": "VAE, gray pixels",
}


def records(root: Path) -> dict[str, Record]:
    """Read the records of runs that a clone has, in the order of the registry."""
    paths = {name: root / f"reproduction/{name}.json" for name in RUNS}
    there = {name: path for name, path in paths.items() if path.exists()}
    return {name: json.loads(path.read_text("utf-8")) for name, path in there.items()}


def ended(record: Record) -> list[Record]:
    """The seeds of a record that were trained and judged."""
    return [seed for seed in record["seeds"].values() if "nats" in seed]


def ours(record: Record) -> str:
    """Our figure in nats, and its standard deviation between seeds, where there are several.

    Of gray pixels, it is also told in bits per dimension.
    """
    summary = record["summary"]
    if not summary:
        return "not yet"
    spread = f" ± {summary['std']:.2f}" if "std" in summary else ""
    per_pixel = summary.get("bits_per_dimension")
    return f"{summary['nats']:.2f}{spread}" + (f" ({per_pixel:.3f} bits)" if per_pixel else "")


def row(name: str, record: Record) -> list[str]:
    """A run's row beside the published figure.

    Returns:
        its title; theirs; ours with the standard deviation between seeds; how many seeds; the
        standard error by the images; the one by the draws; epochs; hours of a seed.
    """
    run, summary, seeds = RUNS[name], record["summary"], ended(record)
    theirs = "" if run.published is None else f"{run.published:.2f}"
    digits = {"error": 2, "draws_error": 3}
    errors = [f"{summary[n]:.{d}f}" if summary else "" for n, d in digits.items()]
    hours = [(s["training_seconds"] + s["evaluation_seconds"]) / 3600 for s in seeds]
    took = f"{np.median(hours):.1f}" if hours else ""
    return [TITLES[name], theirs, ours(record), str(len(seeds)), *errors, f"{run.epochs:,}", took]


def standing(name: str, record: Record | None) -> str:
    """Say in a sentence how far a run has come that is to have three seeds."""
    if record is None:
        return f"{TITLES[name]}: not begun."
    under_way = [seed for seed in record["seeds"].values() if "nats" not in seed]
    parts = [f"{len(ended(record))} of 3 seeds have ended"]
    for seed in under_way:
        done = seed.get("curve", {}).get("iteration", [0])[-1]
        share = done / RUNS[name].iterations(IMAGES)
        parts.append(f"one has done {share:.0%} of its training and is not judged yet")
    return f"{TITLES[name]}: {', '.join(parts)}."


def curves(name: str, record: Record) -> list[tuple[np.ndarray, np.ndarray]]:
    """Epochs, and the loss on minibatches in nats, for each seed that has been trained at all."""
    per_epoch = IMAGES / RUNS[name].batch_size
    told = [seed["curve"] for seed in record["seeds"].values() if "curve" in seed]
    return [(np.array(c["iteration"]) / per_epoch, np.array(c["loss"])) for c in told]


def moves(choices: Record) -> dict[str, np.ndarray]:
    """By how many nats each choice moves minus log p(x), `(seeds,)`, in pairs."""
    seeds = list(choices["seeds"].values())
    names = [name for name in seeds[0] if name != AS_IT_IS]
    return {name: np.array([s[name] - s[AS_IT_IS] for s in seeds]) for name in names}
