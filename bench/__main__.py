"""Measure how fast `vae_lib.training.train` is, beside other ways to train the same model.

python -m bench                      all, in a few minutes
python -m bench --only train keras   only these

All that is compared takes turns in one run, since a machine's speed changes from minute to
minute. The results go to bench/results.json.
"""

import datetime
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from bench import ROOT, machine, report
from bench.driver import XLA_FLAGS, BenchError
from bench.entrants import NAMES, PEERS
from bench.measure import measure
from bench.options import Options, in_a_folder
from bench.summary import summarize
from vae_lib.support.commands import SeveralValues, WholeNumber, status_of
from vae_lib.support.files import write_text


@click.command(cls=SeveralValues)
@click.option(
    "--rounds", type=WholeNumber(1, 100), default=7, show_default=True, help="turns of each"
)
@click.option("--images", type=WholeNumber(64, 600_000), default=60_000, show_default=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=in_a_folder,
    default=ROOT / "bench/results.json",
    show_default="bench/results.json",
)
@click.option(
    "--peers",
    # Not resolved: an environment's Python is a link.
    type=click.Path(path_type=Path),
    default=PEERS,
    metavar="PYTHON",
    help="one with torch and jax",
)
@click.option(
    "--only",
    type=click.Choice(NAMES),
    multiple=True,
    default=NAMES,
    metavar="NAME...",
    help=", ".join(NAMES),
)
def program(rounds: int, images: int, out: Path, peers: Path, only: tuple[str, ...]) -> None:
    """Measure the speed of training beside other libraries'.

    Speed is reported; only an error is a failure.
    """
    options = Options(rounds, images, peers.absolute(), only)
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(options, Path(folder))
    results = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "xla_flags": os.environ.get("XLA_FLAGS", XLA_FLAGS),
        **measured,
    }
    results["settings"].update(images=images, only=list(only))
    results["summary"] = summarize(results)
    report.show(results)
    write_text(out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    stopped = "Stopped: no results were written."
    return status_of(program, words, failed=(BenchError,), stopped=stopped)


if __name__ == "__main__":
    sys.exit(main())
