"""Many runs of a chapter: what to run, what is there already, and what is kept of each.

A sweep that is started again does only what is missing, what failed, and what a change of the
library, of the chapter, of uv.lock or of the data has outdated.
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

from vae_lib.parameters import validated
from vae_lib.runs.chapters import TRAINING, Chapter
from vae_lib.runs.freshness import FoundDigits, FoundImages, library_digest
from vae_lib.runs.notebook import parameters_fault
from vae_lib.runs.results import (
    FAILURE,
    METRICS,
    MODEL,
    NOTEBOOK,
    chapters_in,
    fingerprint,
    model_fault,
)
from vae_lib.runs.run import NOT_BEGUN, Job, Outcome, run, stop
from vae_lib.support.files import write_bytes, write_text

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
        chapter: that it is a run of.
    """

    folder: Path
    parameters: dict[str, Any]
    key: str
    chapter: Chapter = TRAINING

    @property
    def is_fresh(self) -> bool:
        """Whether its result is there already, model and all, and would come out the same."""
        try:
            kept = json.loads((self.folder / METRICS).read_text("utf-8"))
            return kept["key"] == self.key and not model_fault(self.folder, kept.get("model"))
        except (OSError, ValueError, KeyError, TypeError):
            return False


def plan(
    values: Mapping[str, Sequence[Any]], out: Path, chapter: Chapter = TRAINING
) -> list[Point]:
    """Lay out a sweep: all combinations of the given values, without running anything.

    Args:
        values: of the chapter's parameters, by name; what is not named has its default.
        out: the folder of all results, new or old.
        chapter: that the runs are of.

    Raises:
        ParameterError: an unknown name, or a value that a parameter may not have.
        DataError: the data that were asked for are not there, or damaged.
        SweepError: values are no list, `out` is no folder or has runs of another chapter, the
            chapter is not beside the library, or it may not run with the parameters that it is
            given.
    """
    values = _checked(values, chapter)
    _check_place(out, chapter)
    content = _content(chapter)
    defaults = chapter.parameters().model_dump()
    points: dict[Path, Point] = {}
    found: dict[tuple[Any, ...], FoundDigits | FoundImages] = {}
    for row in itertools.product(*values.values()):
        parameters = defaults | dict(zip(values, row, strict=True))
        validated(parameters, chapter.parameters)  # together, too, they have to be possible
        which = tuple(parameters[name] for name in chapter.data)
        if which not in found:
            # Looked for once, the data are the same for all, whatever each run could reach.
            found[which] = chapter.find(*which)
        data = found[which]
        parts = json.dumps([content, parameters, data.label], sort_keys=True)
        key = hashlib.sha256(parts.encode()).hexdigest()
        folder = out / run_name(parameters, chapter)
        of_run = parameters | {chapter.data[0]: data.setting}
        points[folder] = Point(folder, of_run, key, chapter)
    return list(points.values())  # a value that was given twice is run once


def _checked(values: Mapping[str, Sequence[Any]], chapter: Chapter) -> dict[str, list[Any]]:
    """Refuse what may not vary, and what a parameter may not be; write paths in full."""
    for name, several in values.items():
        if isinstance(several, str) or not isinstance(several, Iterable):
            raise SweepError(
                f"{name} was {several!r}; it may be a list of values, such as [{several!r}]"
            )
        if name in chapter.of_one_run:
            raise SweepError(
                f"{name} was {several!r}; it may not be set for a sweep, whose runs have folders "
                "of their own, with the model of each"
            )
    return {
        name: [
            chapter.placed(name, validated({name: value}, chapter.parameters)[name])
            for value in several
        ]
        for name, several in values.items()
    }


def _check_place(out: Path, chapter: Chapter) -> None:
    """Refuse a folder that a sweep cannot fill."""
    if out.exists() and not out.is_dir():
        raise SweepError(f"out was '{out}', which is a file; it may be a folder, new or old")
    others = [number for number in chapters_in(out) if number != chapter.number]
    if others:
        raise SweepError(
            f"out was '{out}', which has runs of chapter {others[0]}; those of chapter "
            f"{chapter.number} may have a folder of their own"
        )


def _content(chapter: Chapter) -> list[Any]:
    """Return what the results of all runs depend on: the chapter's cells, and the library."""
    if not chapter.notebook.exists():
        raise SweepError(f"there is no {chapter.notebook}; a sweep runs in a clone of the book")
    cells = nbformat.read(chapter.notebook, as_version=4).cells
    if fault := parameters_fault(cells, list(chapter.parameters.model_fields)):
        raise SweepError(f"{chapter.notebook} {fault}")
    return [[(c.cell_type, c.source, c.metadata) for c in cells], library_digest()]


def run_name(parameters: Mapping[str, Any], chapter: Chapter = TRAINING) -> str:
    """Name a run by its z_dim, its seed, and whatever else differs from the defaults."""
    always = {"z_dim", "seed"}
    named = [
        name
        for name, field in chapter.fields.items()
        if name in always or parameters[name] != field.default
    ]
    name = quote(",".join(f"{k}={parameters[k]}" for k in named), safe="=,.-_")
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def sweep(
    points: Sequence[Point],
    executor: Executor,
    threads: int = 1,
    stop: Callable[[str], int] = stop,
) -> Generator[tuple[Point, Outcome] | None]:
    """Run points, and keep what becomes of each in its folder.

    Left early, as by Ctrl-C, it stops what is running and keeps that as failed.

    Args:
        points: what `plan` laid out, or some of it.
        executor: of this machine's threads, or of a cluster.
        threads: that each run may compute with.
        stop: ends the runs of the sweep of this name, wherever the executor has them, and says
            how many there were.

    Yields:
        Each point with its outcome when it is done, in any order; None once a second while
        there is none, so that a display can move.
    """
    texts = {c: c.notebook.read_text("utf-8") for c in {point.chapter for point in points}}
    library, name = library_digest(), uuid.uuid4().hex
    jobs = [Job(texts[p.chapter], p.parameters, library, threads, name) for p in points]
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
    """Write what a run has left, or why it has failed, each file whole or not at all."""
    point.folder.mkdir(parents=True, exist_ok=True)
    # The numbers go first and come last: they vouch for the model and the notebook.
    for name in (METRICS, FAILURE, MODEL, NOTEBOOK):
        (point.folder / name).unlink(missing_ok=True)
    if outcome.notebook is not None:
        write_text(point.folder / NOTEBOOK, outcome.notebook)
    known = {
        "name": point.folder.name,
        "chapter": point.chapter.number,
        "parameters": point.parameters,
        "key": point.key,
    }
    if outcome.metrics is None:
        failure = {"cell": outcome.cell, "error": outcome.error}
        write_text(point.folder / FAILURE, json.dumps(known | failure, indent=1))
    else:
        known["model"] = _keep_model(point.folder, outcome.model)
        write_text(point.folder / METRICS, json.dumps(outcome.metrics | known, indent=1))
    return point, outcome


def _keep_model(folder: Path, model: bytes | None) -> str | None:
    """Write a run's model, if it has one; return what its numbers say of it."""
    if model is None:
        return None
    write_bytes(folder / MODEL, model)
    return fingerprint(model)
