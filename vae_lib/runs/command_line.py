"""The command line: `python -m vae_lib sweep` and `python -m vae_lib report`."""

import argparse
import difflib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from vae_lib.data import DataError
from vae_lib.parameters import ChapterParameters, ParameterError, read_parameter
from vae_lib.runs.run import Outcome
from vae_lib.runs.sweep import NOTEBOOK, Point, SweepError, plan, sweep
from vae_lib.support.parser import Parser
from vae_lib.support.progress import progress_bar

CONNECT = 10  # seconds to wait for a scheduler


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; end with one sentence where something in it is unknown."""
    parser = Parser(prog="python -m vae_lib", description="Many runs of chapter 6.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="sweep | report")
    one = commands.add_parser(
        "sweep",
        help="run chapter 6 with all combinations of the values given",
        description="Run chapter 6 with all combinations of the values given. "
        "Started again, it does only what is missing, failed or outdated.",
        allow_abbrev=False,
    )
    for name, field in ChapterParameters.model_fields.items():
        flags = [f"--{name.replace('_', '-')}"] + ["--seeds"] * (name == "seed")
        text = f"{field.description} (default {field.default})"
        one.add_argument(*flags, dest=name, nargs="+", metavar="VALUE", help=text)
    one.add_argument("--out", type=Path, default=Path("runs"), help="folder (default runs)")
    one.add_argument("--jobs", type=int, help="runs at once (default: one a core)")
    one.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://HOST:8786")
    two = commands.add_parser("report", help="make a page and a table of a sweep's results")
    two.add_argument("folder", type=Path, help="what a sweep had as --out")
    options, unknown = parser.parse_known_args(words)
    if unknown:
        known = [o for a in one._actions for o in a.option_strings]  # argparse has no other way
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else "--help lists what is known"
        parser.error(f"unknown option {unknown[0]!r}; {hint}")
    if options.command == "sweep" and options.jobs is not None:
        if options.scheduler:
            parser.error("--jobs is for this machine; a cluster's workers have --nthreads")
        if options.jobs < 1:
            parser.error(f"--jobs was {options.jobs}; it may be a whole number from 1")
    return options


@contextmanager
def local(jobs: int) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """Run on this machine: each thread waits for a process."""
    with ThreadPoolExecutor(jobs) as executor:
        yield executor, lambda: jobs


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, Callable[[], int]]]:
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
    with client, client.get_executor(pure=False) as executor:
        yield executor, lambda: sum(client.nthreads().values())


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


def run_sweep(options: argparse.Namespace) -> int:
    """Run a sweep, and show how far it is; 1 if a run failed."""
    given = {name: getattr(options, name) for name in ChapterParameters.model_fields}
    values = {k: [read_parameter(k, word) for word in words] for k, words in given.items() if words}
    points = plan(values, options.out)
    options.out.mkdir(parents=True, exist_ok=True)  # now, and not after the first run
    if not os.access(options.out, os.W_OK):
        raise SweepError(f"out was '{options.out}', which cannot be written")
    stale = [point for point in points if not point.is_fresh]
    jobs = min(options.jobs or cores(), max(1, len(stale)))
    threads = 1 if options.scheduler else max(1, cores() // jobs)
    done = failed = 0
    print(f"{options.out}: {len(stale)} to run, {len(points) - len(stale)} fresh", flush=True)
    with (
        cluster(options.scheduler) if options.scheduler else local(jobs) as (executor, slots),
        progress_bar(total=len(stale), unit="run", desc="sweep") as bar,
        closing(sweep(stale, executor, threads)) as finished,
    ):
        for one in finished:
            if one is not None:
                done, failed = done + 1, failed + (one[1].metrics is None)
                bar.update()
                if bar.disable:
                    print(f"{line(*one)} ({done} of {len(stale)})", flush=True)
                elif one[1].metrics is None:
                    bar.write(line(*one))
            running = min(slots(), len(stale) - done)
            bar.set_postfix_str(f"{running} running, {failed} failed")
    print(f"{done - failed} done, {failed} failed")
    return int(failed > 0)


def main(words: Sequence[str]) -> int:
    """Do what the command line says; return the exit status."""
    options = parse(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as if by Ctrl-C: tidy up
    try:
        if options.command == "sweep":
            return run_sweep(options)
        from vae_lib.runs.report import write_report

        for path in write_report(options.folder):
            print(path)
    except (DataError, ParameterError, SweepError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Started again, the sweep goes on from here.", file=sys.stderr)
        return 130
    return 0
