"""The command line: `python -m vae_lib sweep` and `python -m vae_lib report`."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import click

from vae_lib.data import DataError
from vae_lib.parameters import ChapterParameters, ParameterError, number_in, validated
from vae_lib.runs.run import Outcome, stop
from vae_lib.runs.sweep import NOTEBOOK, Point, SweepError, plan, sweep
from vae_lib.support.commands import SeveralValues, WholeNumber, status_of
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


def read(_: click.Context, option: click.Parameter, words: Sequence[str]) -> list[Any]:
    """Read the values of a parameter of chapter 6."""
    name = str(option.name)
    return [validated({name: number_in(word, name)}, ChapterParameters)[name] for word in words]


def chapter_option(name: str) -> click.Option:
    """Make the option for a parameter of chapter 6."""
    field = ChapterParameters.model_fields[name]
    flags = [f"--{name.replace('_', '-')}"] + ["--seeds"] * (name == "seed")
    text = f"{field.description}  [default: {field.default}]"
    return click.Option([*flags, name], multiple=True, metavar="VALUE...", callback=read, help=text)


@click.group()
def program() -> None:
    """Many runs of chapter 6."""


@program.command(
    "sweep", cls=SeveralValues, params=[*map(chapter_option, ChapterParameters.model_fields)]
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
def run_sweep(out: Path, jobs: int | None, scheduler: str | None, **values: list[Any]) -> int:
    """Run chapter 6 with all combinations of the values given.

    Started again, it does only what is missing, failed or outdated.
    """
    if scheduler and jobs:
        raise click.UsageError("--jobs is for this machine; a cluster's workers have --nthreads")
    points = plan({name: several for name, several in values.items() if several}, out)
    out.mkdir(parents=True, exist_ok=True)  # now, and not after the first run
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
    from vae_lib.runs.report import ReportError, write_report

    try:
        for path in write_report(folder):
            say(str(path))
    except ReportError as error:
        raise click.UsageError(str(error)) from None


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as if by Ctrl-C: tidy up
    return status_of(
        program,
        words,
        refused=(DataError, ParameterError, SweepError),
        failed=(OSError,),
        stopped="Stopped. Started again, the sweep goes on from here.",
    )
