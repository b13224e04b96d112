"""What is kept of a run: one JSON file, written whole after each seed."""

import datetime
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from bench.machine import describe
from reproduction.runs import Run
from vae_lib.support.files import write_text

PACKAGES = ("tensorflow", "keras", "numpy", "vae-lib")
Seeds = dict[str, dict[str, Any]]


def seeds_in(path: Path, settings: Mapping[str, Any]) -> Seeds:
    """Read what was recorded of each seed; nothing, where it was of other settings."""
    if not path.exists():
        return {}
    record = json.loads(path.read_text("utf-8"))
    seeds: Seeds = record["seeds"] if record["settings"] == settings else {}
    return seeds


def settings_of(run: Run, data: str, judged_by: str, n_samples: int) -> dict[str, Any]:
    """What a record is of."""
    return {**asdict(run), "data": data, "judged_by": judged_by, "n_samples": n_samples}


def summary(seeds: Seeds, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Average the seeds that have come to their end; the standard deviation is between them."""
    ended = [seed for seed in seeds.values() if "nats" in seed]
    if not ended:
        return {}
    nats = np.array([seed["nats"] for seed in ended])
    means = {n: float(np.mean([s[n] for s in ended])) for n in ("error", "draws_error")}
    averages = {"nats": float(nats.mean()), **means, "seeds": len(ended)}
    if len(ended) > 1:
        averages["std"] = float(nats.std(ddof=1))
    if settings["published"] is not None:
        averages["above_published"] = averages["nats"] - settings["published"]
    if settings["pixels"] == "bytes":
        averages["bits_per_dimension"] = averages["nats"] / (784 * math.log(2))
    return averages


def keep(path: Path, settings: Mapping[str, Any], seed: int, one: dict[str, Any]) -> None:
    """Put what is told of one seed into the record of a run, beside what others put there."""
    with FileLock(path.with_suffix(".lock")):
        write(path, settings, {**seeds_in(path, settings), str(seed): one})


def write(path: Path, settings: Mapping[str, Any], seeds: Seeds) -> None:
    """Write the record of a run, whole."""
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS")
    record = {
        "summary": summary(seeds, settings),
        "settings": settings,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {**describe(), "threads": int(threads) if threads else os.cpu_count()},
        "versions": {package: version(package) for package in PACKAGES},
        "seeds": seeds,
    }
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
