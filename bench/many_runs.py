"""What many runs cost: `make bench-runs` writes bench/many_runs.json, which the book reads.

A sweep of short runs, two at a time, is compared with the same runs one after another, and
training on two processes with training in one.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import ROOT
from bench.machine import describe
from bench.together import measure as measure_together
from vae_lib.runs.sweep import Point, plan, sweep
from vae_lib.support.files import write_text
from vae_lib.support.progress import progress_bar

RUNS = 8
SHORT: dict[str, Sequence[Any]] = {
    "iterations": [150],
    "h_dim": [16],
    "data": ["small"],
    "seed": range(RUNS),
}
CORES = 2  # whatever the machine has: the record says what two at a time bring


def timed(points: Sequence[Point], jobs: int, bar: Any) -> dict[str, Any]:
    """Sweep `points`, `jobs` at once; return the seconds in all, and those of each run."""
    start, each = time.perf_counter(), []
    with ThreadPoolExecutor(jobs) as executor:
        for one in sweep(points, executor, CORES // jobs):
            if one is not None:
                point, outcome = one
                if outcome.metrics is None:
                    sys.exit(f"{point.folder.name}: {outcome.error}")
                each.append(outcome.metrics["seconds"])
                bar.update()
    return {"seconds": time.perf_counter() - start, "each": each}


def measure_sweep() -> dict[str, Any]:
    """One half of the runs one after another, all of them two at a time, then the other half."""
    with (
        tempfile.TemporaryDirectory() as folder,
        progress_bar(total=2 * RUNS, unit="run", desc="sweep") as bar,
    ):
        points = plan(SHORT, Path(folder))
        before = timed(points[: RUNS // 2], 1, bar)
        both = timed(points, CORES, bar)
        after = timed(points[RUNS // 2 :], 1, bar)
    alone = before["seconds"] + after["seconds"]
    return {
        "runs": RUNS,
        "parameters": {name: list(values) for name, values in SHORT.items()},
        "one_after_another": {"seconds": alone, "each": before["each"] + after["each"]},
        "two_at_a_time": both,
        "ratio": both["seconds"] / (alone / CORES),
    }


def main() -> None:
    """Measure and write."""
    os.environ["TF_XLA_FLAGS"] = ""  # each run compiles for itself, whichever went before it
    swept = measure_sweep()
    print(json.dumps(swept, indent=1))
    record = {"machine": describe(), "sweep": swept, "together": measure_together()}
    write_text(
        ROOT / "bench/many_runs.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    )


if __name__ == "__main__":
    main()
