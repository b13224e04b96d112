"""What the page "Is my number good?" says of the records: rows of its tables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reproduction.runs import AS_IT_IS, OTHER_COINS, RUNS

Record = Mapping[str, Any]
IMAGES = 60_000  # of MNIST, to train on
PLUS_MINUS = "\u00a0±\u00a0"  # no line ends within a figure
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
    spread = f"{PLUS_MINUS}{summary['std']:.2f}" if "std" in summary else ""
    per_pixel = summary.get("bits_per_dimension")
    return f"{summary['nats']:.2f}{spread}" + (f" ({per_pixel:.3f} bits)" if per_pixel else "")


def row(name: str, record: Record) -> list[str]:
    """A run's row beside the published figure.

    Returns:
        its title; theirs; ours with the standard deviation between seeds; how many seeds; the
        standard error by the images; how far the bounds from both sides are apart, of images that
        the model made; minus the ELBO; active dimensions.
    """
    run, summary, seeds = RUNS[name], record["summary"], ended(record)
    theirs = "" if run.published is None else f"{run.published:.2f}"
    told = [TITLES[name], theirs, ours(record), str(len(seeds))]
    if not seeds:
        return [*told, "", "", "", ""]
    names = "band", "elbo_loss", "active_units"
    band, loss, active = (np.mean([seed[name] for seed in seeds]) for name in names)
    return [*told, f"{summary['error']:.2f}", f"{band:.1f}", f"{loss:.2f}", f"{active:.0f}"]


def gain(name: str, found: Mapping[str, Record], one: str, other: str) -> str:
    """Write by how much two numbers of a run's seeds differ, on average, in nats."""
    seeds = ended(found[name]) if name in found else []
    if not seeds:
        return "not yet known"
    return f"{np.mean([seed[one] - seed[other] for seed in seeds]):+.2f}".replace("-", "−")


def hours(record: Record) -> float:
    """The median of the hours of a processor that a seed took, training and judging.

    It is NaN where nobody knows: a record that is lost is made anew of the checkpoints, without.
    """
    names = {"training_processor_seconds", "evaluation_processor_seconds"}
    told = [sum(s[n] for n in names) / 3600 for s in ended(record) if names <= s.keys()]
    return float(np.median(told)) if told else np.nan


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
    names = [n for n in seeds[0] if n != AS_IT_IS and not n.startswith(OTHER_COINS)]
    return {name: np.array([s[name] - s[AS_IT_IS] for s in seeds]) for name in names}


def spread_of_throws(choices: Record) -> np.ndarray:
    """Standard deviations of minus log p(x) between throws of the coins, `(seeds,)`."""
    thrown = [
        [nats for name, nats in seed.items() if name == AS_IT_IS or name.startswith(OTHER_COINS)]
        for seed in choices["seeds"].values()
    ]
    return np.asarray(np.std(thrown, axis=1, ddof=1))
