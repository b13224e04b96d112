"""Train published models again, and compare.

python -m reproduction                        all runs, three seeds each: days, on two cores
python -m reproduction vae --seeds 0          one run, one seed
python -m reproduction vae --held-out         judged by training images, to choose a schedule

It can be stopped at any time: started again, it goes on. Each run has its record in
reproduction/<name>.json.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from bench.options import in_a_folder
from reproduction import ROOT, record
from reproduction.options import all_of_mnist, seeds_option
from reproduction.runs import RUNS, Run
from reproduction.training import doubt, images_of, judge, train_run
from vae_lib.data import DataError, Digits
from vae_lib.support.alone import alone_in
from vae_lib.support.commands import SeveralValues, status_of
from vae_lib.support.printing import say

HERE = ROOT / "reproduction"


def reproduce(
    run: Run,
    seeds: Sequence[int],
    digits: Digits,
    *,
    out: Path = HERE,
    work: Path = HERE / ".work",
    n_samples: int = 5000,
    held_out: bool = False,
) -> Path:
    """Train and judge a run with each seed, and keep its record.

    Args:
        run: what is trained.
        seeds: of weights, of the order of the images, and of all that is drawn.
        digits: in rows of pixels.
        out: the folder of the record.
        work: the folder of the checkpoints, which may be deleted when all is done.
        n_samples: draws of z for each image that is judged by.
        held_out: whether to judge by training images that are held out, and not by the test images.

    Returns:
        The path of the record.
    """
    name = f"{run.name}.held-out" if held_out else run.name
    path, images = out / f"{name}.json", images_of(run, digits, held_out)
    judged_by = f"{len(images.x_judge):,} {'training' if held_out else 'test'} images"
    settings = record.settings_of(run, digits.name, judged_by, n_samples)
    for seed in seeds:
        say(f"{name}, seed {seed}")
        folder = work / name / str(seed)
        another = ValueError(
            f"work was '{work}', where another process is at seed {seed} of {name}; it may be a "
            "folder of its own, or that process may end first"
        )
        with alone_in(folder, another):
            one = record.seeds_in(path, settings).get(str(seed), {})
            keep = partial(record.keep, path, settings, seed, one)
            try:
                model = train_run(run, seed, images.x, folder / "training", one)
                keep()  # a kill from here on loses none of its seconds
                if "nats_seen" not in one:
                    doubt(model, run, images, seed, n_samples, one)
                    keep()
                judge(model, images.x_judge, seed, n_samples, folder / "evaluation", one)
            finally:  # of a run that is stopped, too, there is something to be told
                if one:
                    keep()
        say(f"{name}, seed {seed}: {one['nats']:.2f} ± {one['error']:.2f} nats{_beside(run)}")
    return path


def _beside(run: Run) -> str:
    return "" if run.published is None else f" (published: {run.published})"


@click.command(cls=SeveralValues)
@click.argument("names", nargs=-1, type=click.Choice([*RUNS]), metavar="[NAME]...")
@seeds_option
@click.option(
    "--held-out", is_flag=True, help="judge by 5,000 training images, and not by the test images"
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, exists=True, writable=True, path_type=Path),
    default=HERE,
    show_default="reproduction",
    help="the folder of the records",
)
@click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    callback=in_a_folder,
    default=HERE / ".work",
    show_default="reproduction/.work",
    help="the folder of the checkpoints",
)
def program(
    names: Sequence[str], seeds: Sequence[int], held_out: bool, out: Path, work: Path
) -> None:
    """Train published models again, and write reproduction/NAME.json.

    Stopped at any time, it goes on when it is started again.
    """
    digits = all_of_mnist()
    for name in names or RUNS:
        reproduce(RUNS[name], seeds, digits, out=out, work=work, held_out=held_out)


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    stopped = "Stopped. Started again, it goes on where it was last saved."
    return status_of(program, words, failed=(DataError, ValueError), stopped=stopped)


if __name__ == "__main__":
    sys.exit(main())
