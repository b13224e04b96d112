"""Many runs of chapter 6: what to run, what is there already, and what is kept of each.

A sweep that is started again does only what is missing, what failed, and what a change of the
library, of the chapter or of uv.lock has outdated.
"""

import hashlib
import itertools
import json
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import nbformat

from vae_lib.parameters import ChapterParameters, validated
from vae_lib.runs.freshness import ROOT, find_digits, library_digest
from vae_lib.runs.notebook import parameters_fault
from vae_lib.runs.run import NOT_BEGUN, Job, Outcome, run, stop
from vae_lib.support.files import write_text

CHAPTER = ROOT / "chapters/06-training.ipynb"
NOTEBOOK, METRICS, FAILURE = "notebook.ipynb", "metrics.json", "failure.json"
GRACE = 10  # seconds for runs to end when they are stopped
LONGEST_NAME = 200  # file systems take 255 bytes


class SweepError(Exception):
    """What keeps a sweep from starting, in one sentence for the terminal."""


class Point(NamedTuple):
    """One run of a sweep.

    Attributes:
        folder: of its results.
        parameters: all of the chapter's, by name.
        key: a digest of all that its result depends on.
    """

    folder: Path
    parameters: dict[str, Any]
    key: str

    @property
    def is_fresh(self) -> bool:
        """Whether its result is there already, and would come out the same."""
        try:
            kept = json.loads((self.folder / METRICS).read_text("utf-8"))
            return bool(kept["key"] == self.key)
        except (OSError, ValueError, KeyError, TypeError):
            return False


def plan(values: Mapping[str, Sequence[Any]], out: Path, chapter: Path = CHAPTER) -> list[Point]:
    """Lay out a sweep: all combinations of the given values, without running anything.

    Args:
        values: of the parameters of chapter 6, by name; what is not named has its default.
        out: the folder of all results, new or old.
        chapter: a notebook with the parameters and the metrics of chapter 6.

    Raises:
        ParameterError: an unknown name, or a value that a parameter may not have.
        DataError: the digits that were asked for are not there.
        SweepError: values are no list, `out` is no folder, the chapter is not beside the library,
            or it may not run with the parameters that it is given.
    """
    for name, several in values.items():
        if isinstance(several, str) or not isinstance(several, Iterable):
            raise SweepError(
                f"{name} was {several!r}; it may be a list of values, such as [{several!r}]"
            )
    values = {
        name: [validated({name: value}, ChapterParameters)[name] for value in several]
        for name, several in values.items()
    }
    if out.exists() and not out.is_dir():
        raise SweepError(f"out was '{out}', which is a file; it may be a folder, new or old")
    if not chapter.exists():
        raise SweepError(f"there is no {chapter}; a sweep runs in a clone of the book")
    cells = nbformat.read(chapter, as_version=4).cells
    if fault := parameters_fault(cells, list(ChapterParameters.model_fields)):
        raise SweepError(f"{chapter} {fault}")
    content = [[(c.cell_type, c.source, c.metadata) for c in cells], library_digest()]
    defaults = ChapterParameters().model_dump()
    # Looked for once, the digits are the same for all, whatever each run could reach by itself.
    found = {source: find_digits(source) for source in values.get("data", [defaults["data"]])}
    points = {}
    for row in itertools.product(*values.values()):
        parameters = defaults | dict(zip(values, row, strict=True))
        digits = found[parameters["data"]]
        parts = json.dumps([content, parameters, digits.label], sort_keys=True)
        key = hashlib.sha256(parts.encode()).hexdigest()
        folder = out / run_name(parameters)
        points[folder] = Point(folder, parameters | {"data": digits.setting}, key)
    return list(points.values())  # a value that was given twice is run once


def run_name(parameters: Mapping[str, Any]) -> str:
    """Name a run by its z_dim, its seed, and whatever else differs from the defaults."""
    defaults = ChapterParameters().model_dump()
    named = [k for k in defaults if k in {"z_dim", "seed"} or parameters[k] != defaults[k]]
    name = quote(",".join(f"{k}={parameters[k]}" for k in named), safe="=,.-_")
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def sweep(
    points: Sequence[Point],
    executor: Executor,
    threads: int = 1,
    chapter: Path = CHAPTER,
    stop: Callable[[str], int] = stop,
) -> Generator[tuple[Point, Outcome] | None]:
    """Run points, and keep what becomes of each in its folder.

    Left early, as by Ctrl-C, it stops what is running and keeps that as failed.

    Args:
        points: what `plan` laid out, or some of it.
        executor: of this machine's threads, or of a cluster.
        threads: that each run may compute with.
        chapter: the notebook.
        stop: ends the runs of the sweep of this name, wherever the executor has them, and says
            how many there were.

    Yields:
        Each point with its outcome when it is done, in any order; None once a second while
        there is none, so that a display can move.
    """
    notebook, library = chapter.read_text("utf-8"), library_digest()
    name = uuid.uuid4().hex
    jobs = [Job(notebook, point.parameters, library, threads, name) for point in points]
    left = {executor.submit(run, j): p for j, p in zip(jobs, points, strict=True)}
    try:
        while left:
            done, _ = wait(left, timeout=1, return_when=FIRST_COMPLETED)
            yield from _keep_all(left, done) or (None,)
    finally:
        if left:
            if stop(name):
                wait(left, timeout=GRACE)
            _keep_all(left, [future for future in left if not future.cancel()])


def _keep_all(
    left: dict[Future[Outcome], Point], done: Iterable[Future[Outcome]]
) -> list[tuple[Point, Outcome]]:
    """Keep what became of several runs: where one cannot be written, the others are.

    What is interrupted on the way is left, and kept when the sweep ends.
    """
    kept, errors = [], []
    for future in done:
        outcome = _outcome(future)
        try:
            if outcome != NOT_BEGUN:
                kept.append(keep(left[future], outcome))
        except OSError as error:
            errors.append(error)
        del left[future]
    if errors:
        raise errors[0]
    return kept


def _outcome(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        return Outcome(None, error="the cluster that it was on is lost: its scheduler has ended")
    except Exception as error:  # a cluster has its own; none may end the sweep
        return Outcome(None, error=" ".join(f"{type(error).__name__}: {error}".split()))


def keep(point: Point, outcome: Outcome) -> tuple[Point, Outcome]:
    """Write a run's notebook and its numbers, or why it has none, each file whole or not at all."""
    point.folder.mkdir(parents=True, exist_ok=True)
    for name in (METRICS, FAILURE, NOTEBOOK):  # numbers first: they vouch for the notebook
        (point.folder / name).unlink(missing_ok=True)
    if outcome.notebook is not None:
        write_text(point.folder / NOTEBOOK, outcome.notebook)
    known = {"name": point.folder.name, "parameters": point.parameters, "key": point.key}
    if outcome.metrics is not None:
        write_text(point.folder / METRICS, json.dumps(outcome.metrics | known, indent=1))
    else:
        failure = {"cell": outcome.cell, "error": outcome.error}
        write_text(point.folder / FAILURE, json.dumps(known | failure, indent=1))
    return point, outcome
