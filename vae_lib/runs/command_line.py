"""The command line: `python -m vae_lib sweep` and `python -m vae_lib report`."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import click
from pydantic.fields import FieldInfo

from vae_lib.data import DataError
from vae_lib.parameters import ParameterError, number_in
from vae_lib.runs.chapters import CHAPTERS, TRAINING, Chapter
from vae_lib.runs.results import NOTEBOOK, ResultsError
from vae_lib.runs.run import Outcome, stop
from vae_lib.runs.sweep import Point, SweepError, plan, sweep
from vae_lib.support.alone import alone_in
from vae_lib.support.commands import SeveralValues, WholeNumber, status_of
from vae_lib.support.files import clear_parts
from vae_lib.support.printing import say
from vae_lib.support.progress import progress_bar

CONNECT = 10  # seconds to wait for a scheduler


class Machines(NamedTuple):
    """Where runs are.

    Attributes:
        executor: runs them.
        slots: how many it runs at once, now.
        stop: ends those of a sweep, by its name, and says how many there were.
    """

    executor: Executor
    slots: Callable[[], int]
    stop: Callable[[str], int]


@contextmanager
def local(jobs: int) -> Iterator[Machines]:
    """Run on this machine: each thread waits for a process."""
    with ThreadPoolExecutor(jobs) as executor:
        yield Machines(executor, lambda: jobs, stop)


@contextmanager
def dask_cluster(address: str) -> Iterator[Machines]:
    """Run on the workers of a Dask scheduler, one run a thread.

    Raises:
        SweepError: Dask is not installed, or there is no scheduler.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise SweepError("--scheduler needs Dask: pip install -e '.[book,cluster]'") from error
    try:
        client = Client(address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise SweepError(f"no scheduler at {address}; `dask scheduler` starts one") from error

    def stop_everywhere(sweep: str) -> int:
        with suppress(OSError):  # without a scheduler, workers end what they run by themselves
            return sum(client.run(stop, sweep, on_error="ignore").values())
        return 0

    def slots() -> int:
        with suppress(OSError):
            return sum(client.nthreads().values())
        return 0

    with client, client.get_executor(pure=False) as executor:
        yield Machines(executor, slots, stop_everywhere)


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def line(point: Point, outcome: Outcome) -> str:
    """Say in one line what became of a run."""
    name = point.folder.name
    if outcome.metrics is None:
        notebook = f" {point.folder / NOTEBOOK}," * (outcome.notebook is not None)
        cell = f" code cell {outcome.cell}:" * (outcome.cell is not None)
        return f"✗ {name}:{notebook}{cell} {outcome.error}"
    m = outcome.metrics
    return f"✓ {name}: ELBO {m['elbo']:.2f}, {m['active_units']} active, {m['seconds']:.0f} s"


def show(
    finished: Iterator[tuple[Point, Outcome] | None], total: int, slots: Callable[[], int]
) -> int:
    """Show how far a sweep is, until it is done; return how many runs failed."""
    done = failed = 0
    with progress_bar(total=total, unit="run", desc="sweep") as bar:
        for one in finished:
            if one is not None:
                done, failed = done + 1, failed + (one[1].metrics is None)
                bar.update()
                if bar.disable:
                    say(f"{line(*one)} ({done} of {total})")
                elif one[1].metrics is None:
                    with bar.external_write_mode():
                        say(line(*one))
            bar.set_postfix_str(f"{min(slots(), total - done)} running, {failed} failed")
    return failed


def flag(name: str) -> str:
    """Write the name of a parameter as an option."""
    return f"--{name.replace('_', '-')}"


def read(given: Mapping[str, Sequence[str]], chapter: Chapter) -> dict[str, list[Any]]:
    """Read the values of a chapter's parameters; options of another chapter are refused."""
    mine = chapter.parameters
    for name in given:
        if name not in mine.model_fields:
            (other,) = (c.number for c in CHAPTERS.values() if name in c.parameters.model_fields)
            raise click.UsageError(
                f"{flag(name)} is for chapter {other}, and the sweep was of chapter "
                f"{chapter.number}, which may have {', '.join(map(flag, chapter.fields))}"
            )
    return {name: [number_in(word, name, mine) for word in words] for name, words in given.items()}


def chapter_option(name: str) -> click.Option:
    """Make the option for a parameter of one chapter, or of several."""
    having = {
        number: (each.parameters.model_fields[name], each.of_one_run)
        for number, each in CHAPTERS.items()
        if name in each.parameters.model_fields
    }
    return click.Option(
        [flag(name), *["--seeds"] * (name == "seed"), name],
        multiple=True,
        metavar="VALUE...",
        hidden=all(name in of_one_run for _, of_one_run in having.values()),
        help=meaning({number: field for number, (field, _) in having.items()}),
    )


def meaning(fields: Mapping[int, FieldInfo]) -> str:
    """Say what a parameter may be, by the numbers of the chapters that have it."""
    (number, first), *others = fields.items()
    text = f"{first.description}  [default: {first.default}]"
    for other, field in others:
        if field.description != first.description:
            text += f"; chapter {other}: {field.description}  [default: {field.default}]"
        elif field.default != first.default:
            text += f" [chapter {other}: {field.default}]"
    return text if len(fields) == len(CHAPTERS) else f"{text} (chapter {number})"


def every_option() -> list[click.Option]:
    """Make the options for the parameters of all chapters."""
    names = (name for each in CHAPTERS.values() for name in each.parameters.model_fields)
    return [chapter_option(name) for name in dict.fromkeys(names)]


@click.group()
def program() -> None:
    """Many runs of a chapter, and pages about them."""


@program.command("sweep", cls=SeveralValues, params=every_option())
@click.option(
    "--chapter",
    type=click.Choice([str(number) for number in CHAPTERS]),
    default=str(TRAINING.number),
    show_default=True,
    help="that is run: 6, on handwritten digits, or 10, on images of your own",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default="runs",
    show_default=True,
    help="where each run has a folder",
)
@click.option("--jobs", type=WholeNumber(1), help="runs at once  [default: one a core]")
@click.option("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://HOST:8786")
def run_sweep(
    chapter: str, out: Path, jobs: int | None, scheduler: str | None, **words: Sequence[str]
) -> int:
    """Run a chapter with all combinations of the values given.

    Started again, it does only what is missing, failed or outdated.
    """
    if scheduler and jobs:
        raise click.UsageError("--jobs is for this machine; a cluster's workers have --nthreads")
    of = CHAPTERS[int(chapter)]
    points = plan(read({name: each for name, each in words.items() if each}, of), out, of)
    another = SweepError(
        f"out was '{out}', which another sweep is filling; it may be a folder of its own for each"
    )
    with alone_in(out, another):  # now, and not after the first run
        return fill(points, out, jobs, scheduler)


def fill(points: Sequence[Point], out: Path, jobs: int | None, scheduler: str | None) -> int:
    """Run what is missing of a sweep; return the exit status."""
    for point in points:
        clear_parts(point.folder)
    stale = [point for point in points if not point.is_fresh]
    jobs = min(jobs or cores(), max(1, len(stale)))
    threads = 1 if scheduler else max(1, cores() // jobs)
    say(f"{out}: {len(stale)} to run, {len(points) - len(stale)} fresh")
    with (
        dask_cluster(scheduler) if scheduler else local(jobs) as machines,
        closing(sweep(stale, machines.executor, threads, stop=machines.stop)) as finished,
    ):
        failed = show(finished, len(stale), machines.slots)
    say(f"{len(stale) - failed} done, {failed} failed")
    return int(failed > 0)


@program.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
def report_sweep(folder: Path) -> None:
    """Make a page and a table of the runs in FOLDER, a sweep's --out."""
    from vae_lib.runs.report import write_report

    for path in write_report(folder):
        say(str(path))


@program.command("page")
@click.argument("notebook", type=click.Path(path_type=Path))
def page_of_run(notebook: Path) -> None:
    """Make a page of NOTEBOOK, which papermill wrote: pictures and verdict, no code."""
    from vae_lib.runs.page import write_page

    say(str(write_page(notebook)))


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as if by Ctrl-C: tidy up
    return status_of(
        program,
        words,
        refused=(DataError, ParameterError, ResultsError, SweepError),
        stopped="Stopped. Started again, the sweep goes on from here.",
    )
