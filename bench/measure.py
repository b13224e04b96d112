"""All measurements of the benchmark, one after another."""

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

from bench.cases import groups
from bench.driver import BenchError, Crew, environment
from bench.entrants import (
    CONTESTANTS,
    CONVOLUTIONS,
    PRODUCTS,
    STUDIES,
    Entrant,
    interpreter,
    present,
)
from bench.options import Options
from bench.protocol import Results, Settings
from vae_lib.support.progress import progress_bar

PYTHON = Path(sys.executable)
BATCH_SIZE, Z_DIM = 64, 100
FRESH_PROCESSES = ("tensorflow", "library", "kernel")
MOST_STARTS = 2  # of each fresh process: it takes seconds, and varies less than an epoch

Entrants = dict[str, Entrant]


def choose(options: Options) -> dict[str, Entrants]:
    """Choose who takes turns, by what is compared; say which are left out and why.

    Raises:
        BenchError: nothing is left to be measured.
    """
    wanted = {
        "contestants": {name: e for name, e in CONTESTANTS.items() if name in options.only},
        "products": PRODUCTS if "products" in options.only else {},
        "convolutions": CONVOLUTIONS if "convolutions" in options.only else {},
    }
    found = {what: present(entrants, options.peers) for what, entrants in wanted.items()}
    for sentence in dict.fromkeys(
        chain.from_iterable(sentences for _, sentences in found.values())
    ):
        print(sentence, flush=True)
    able = {what: entrants for what, (entrants, _) in found.items()}
    if not able["contestants"] and not set(options.only) & set(STUDIES):
        raise BenchError("Nothing is left to be measured.")
    return able


def output_of(module: str, *arguments: str, folder: Path) -> str:
    """Run one of this package's modules to its end; return the last line that it printed.

    Raises:
        BenchError: it failed; what it said.
    """
    done = subprocess.run(  # noqa: S603 (our own module)
        [PYTHON, "-m", module, *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"{done.stderr.strip()}\n{module} failed.")
    return done.stdout.strip().splitlines()[-1]


def write_images(number: int, folder: Path) -> tuple[str, Results]:
    """Write the images for the workers; return the file, and what they are."""
    file = str(folder / "images.npy")
    digits: Results = json.loads(output_of("bench.digits", str(number), file, folder=folder))
    if digits["distinct"] < number:
        print(f"Images: {digits['distinct']:,} digits, repeated to make {number:,}.", flush=True)
    return file, digits


def count_turns(options: Options, workers: int) -> dict[str, int]:
    """How many turns each measurement takes."""
    turns = {
        "together": workers * (1 + options.rounds),
        "variants": 1 + options.rounds,
        "growth": options.rounds * len(groups(options.images, BATCH_SIZE, Z_DIM)),
        "calls": 1 + options.rounds,
        "startup": min(options.rounds, MOST_STARTS) * len(FRESH_PROCESSES),
    }
    return {name: n for name, n in turns.items() if name == "together" or name in options.only}


def measure(options: Options, folder: Path) -> Results:
    """Measure everything that was chosen; return it as it was measured.

    Args:
        options: what is measured.
        folder: for temporary files.
    """
    able = choose(options)
    file, digits = write_images(options.images, folder)
    settings: Settings = {
        "file": file,
        "batch_size": BATCH_SIZE,
        "z_dim": Z_DIM,
        "h_dim": 128,
        "learning_rate": 1e-3,
        "rounds": options.rounds,
    }
    together = [each for entrants in able.values() for each in entrants.values()]
    turns = count_turns(options, len(together))
    with (
        progress_bar(sum(turns.values()), unit="turn") as bar,
        Crew(settings, folder, bar) as crew,
    ):
        modules = {each.module: interpreter(each, options.peers) for each in together}
        measured = crew.measure(modules, options.rounds)
        return {
            "settings": {n: value for n, value in settings.items() if n != "file"},
            "digits": digits,
            **{
                what: {name: measured[each.module] for name, each in entrants.items()}
                for what, entrants in able.items()
            },
            "variants": study(crew, "variants", turns),
            "growth": study(crew, "growth", turns),
            "calls": study(crew, "calls", turns),
            "startup": startup(turns, folder, bar),
        }


def study(crew: Crew, name: str, turns: dict[str, int]) -> Results:
    """Let the worker of a study have all its turns."""
    if name not in turns:
        return {}
    (measured,) = crew.measure({f"bench.studies.{name}": PYTHON}, turns[name] - 1).values()
    return measured


def startup(turns: dict[str, int], folder: Path, bar: Any) -> dict[str, list[float]]:
    """Time fresh processes in turn: seconds for each start."""
    if "startup" not in turns:
        return {}
    seconds: dict[str, list[float]] = {name: [] for name in FRESH_PROCESSES}
    for _ in range(turns["startup"] // len(FRESH_PROCESSES)):
        for name in FRESH_PROCESSES:
            bar.set_postfix_str(name)
            seconds[name].append(float(output_of("bench.fresh", name, folder=folder)))
            bar.update()
    return seconds
