"""What a sweep has left in its folder: each run's files, and the best of the models."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from vae_lib.parameters import validated
from vae_lib.runs.chapters import CHAPTERS, TRAINING, Chapter

NOTEBOOK, MODEL = "notebook.ipynb", "model.keras"
METRICS, FAILURE = "metrics.json", "failure.json"  # of a run there is one
DIGEST = "sha256"  # of models
AGAIN = "its sweep, started again, does this run anew"
Row = dict[str, Any]


class ResultsError(ValueError):
    """A folder has not what is asked of it; says which folder, and what it may be."""


class Results(NamedTuple):
    """The runs in a sweep's folder.

    Attributes:
        chapter: that they are runs of.
        rows: what each has left, as one flat row, ordered by their parameters; one that has
            finished has an `elbo`, one that has failed an `error`.
        unread: what is wrong with other files, a sentence each.
    """

    chapter: Chapter
    rows: list[Row]
    unread: list[str]

    @property
    def finished(self) -> list[Row]:
        """The rows of the runs that have not failed."""
        return [row for row in self.rows if "elbo" in row]


class _Finished(BaseModel):
    """What is read of a file `metrics.json`."""

    model_config = ConfigDict(allow_inf_nan=False)

    parameters: Any
    digits: str
    epochs: float
    elbo: float
    elbo_error: float
    reconstruction: float
    kl: float
    active_units: int
    training_seconds: float
    seconds: float
    versions: dict[str, str]
    model: str | None = None
    verdict: str = ""


class _Failed(BaseModel):
    """What is read of a file `failure.json`."""

    parameters: Any
    cell: int | None
    error: str


@cache
def _given(chapter: Chapter) -> type[BaseModel]:
    """Let the parameters name data that a run has read, and that need not be there any more."""
    data = chapter.parameters.model_fields["data"]
    anything = Field(data.default, description=data.description)
    return create_model("Given", __base__=chapter.parameters, data=(str, anything))


@cache
def _file_of(kind: type[BaseModel], chapter: Chapter) -> type[BaseModel]:
    """Make of a kind of file that of a chapter."""
    number = Field(chapter.number, ge=chapter.number, le=chapter.number)
    given = (_given(chapter), ...)
    return create_model(kind.__name__, __base__=kind, parameters=given, chapter=(int, number))


def read_results(folder: Path) -> Results:
    """Read what the runs of a sweep have left.

    Raises:
        ResultsError: the folder does not exist, or has runs of two chapters.
    """
    if not folder.is_dir():
        raise ResultsError(f"{folder} is not a folder; it may be one that a sweep has filled")
    numbers = chapters_in(folder)
    if len(numbers) > 1:
        raise ResultsError(
            f"{folder} has runs of the chapters {' and '.join(map(str, numbers))}, which do not "
            "compare; it may have those of one, the others a folder of their own"
        )
    chapter = CHAPTERS[numbers[0]] if numbers else TRAINING
    rows, unread = [], []
    for file in _endings(folder):
        try:
            rows.append(_row(file, chapter))
        except ValidationError as fault:
            first = fault.errors()[0]
            where = ": ".join([f"{file.parent.name}/{file.name}", *map(str, first["loc"])])
            unread.append(f"{where}: {first['msg']}")
        except OSError as fault:
            unread.append(f"{file.parent.name}/{file.name}: {fault.strerror}")
    names = [*chapter.fields]
    return Results(chapter, sorted(rows, key=lambda row: [row[name] for name in names]), unread)


def chapters_in(folder: Path) -> list[int]:
    """Return the numbers of the chapters that a folder has runs of."""
    found = set()
    for file in _endings(folder):
        with suppress(OSError, ValueError, AttributeError, TypeError):
            found.add(json.loads(file.read_text("utf-8")).get("chapter", TRAINING.number))
    return sorted(found & CHAPTERS.keys())


def _endings(folder: Path) -> Iterator[Path]:
    """Find the file by which each run says how it ended."""
    for run in sorted(folder.iterdir()) if folder.is_dir() else []:
        there = [run / name for name in (METRICS, FAILURE) if (run / name).is_file()]
        yield from there[:1]


def _row(file: Path, chapter: Chapter) -> Row:
    """Return as one flat row what a run has left behind."""
    kind = _file_of(_Finished if file.name == METRICS else _Failed, chapter)
    found: Row = kind.model_validate_json(file.read_bytes()).model_dump(exclude={"chapter"})
    versions = {f"version_{name}": text for name, text in found.pop("versions", {}).items()}
    given: Row = found.pop("parameters")
    row: Row = {"name": file.parent.name, "notebook": f"{file.parent.name}/{NOTEBOOK}"}
    return row | {name: given[name] for name in chapter.fields} | given | found | versions


def fingerprint(model: bytes) -> str:
    """Return what a run's numbers say of its model, to tell it from any other."""
    return hashlib.new(DIGEST, model).hexdigest()


def model_fault(run: Path, kept: Any) -> str | None:
    """Say what is wrong with a run's model, if something is.

    Args:
        run: the run's folder.
        kept: what its numbers say of the model; None where it has handed over none.
    """
    if kept is None:
        return None
    path = run / MODEL
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, DIGEST).hexdigest()
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    return (
        None if found == kept else f"{path} is not the model that {METRICS} beside it vouches for"
    )


def best_model(folder: str | Path, **parameters: Any) -> Path:
    """Find the model with the highest ELBO among the runs of a sweep.

    `load_model(best_model("runs"))`, with `load_model` of `vae_lib.model`, is that model;
    `load_model(best_model("runs", z_dim=20, seed=1))` is that of one run. The folder of the file
    is the run's: its numbers and its notebook are there. Runs that failed do not count; of equal
    ELBOs it is the first by its parameters: the smallest `z_dim`, the lowest seed.

    Args:
        folder: of the sweep, its `--out`.
        parameters: of the chapter, by name: only runs that had these count.

    Returns:
        The path of the model.

    Raises:
        ParameterError: the chapter has no such parameter, or it may not have this value.
        ResultsError: there is no such run; ELBOs do not compare; a file is missing or damaged.
    """
    folder = Path(folder)
    results = read_results(folder)
    if results.unread:
        raise ResultsError(f"{folder}/{results.unread[0]}; delete it, and {AGAIN}")
    asked = validated(parameters, _given(results.chapter))
    runs = _runs_with(folder, results, asked)
    _refuse_two_scales(folder, results.chapter, runs)
    best = max(runs, key=lambda row: row["elbo"])  # of equal ones, the first
    run = Path(folder, best["name"])
    if best["model"] is None:
        raise ResultsError(
            f"{run} has no model: its notebook handed over none, or ran before one could"
        )
    if fault := model_fault(run, best["model"]):
        raise ResultsError(f"{fault}; {AGAIN}")
    return run / MODEL


def _runs_with(folder: Path, results: Results, asked: Mapping[str, Any]) -> list[Row]:
    """Return the finished runs that had these parameters."""
    failed = len(results.rows) - len(results.finished)
    if not results.finished:
        raise ResultsError(
            f"{folder} has no finished run ({failed} failed); it may have one or more"
        )
    wanted = {name: results.chapter.placed(name, value) for name, value in asked.items()}
    runs = [row for row in results.finished if wanted.items() <= row.items()]
    if not runs:
        there = {name: _values(results.finished, name) for name in wanted}
        said = ", ".join(f"{name}={value!r}" for name, value in wanted.items())
        may = "; ".join(f"{name} may be {_listed(values)}" for name, values in there.items())
        raise ResultsError(f"{folder} has no finished run with {said} ({failed} failed); {may}")
    return runs


def _refuse_two_scales(folder: Path, chapter: Chapter, runs: list[Row]) -> None:
    """Refuse to compare ELBOs of different likelihoods, or of different data."""
    for name in (*chapter.scales, "digits"):
        values = _values(runs, name)
        if len(values) > 1:
            remedy = f"give one, as {name}={values[0]!r}"
            if name == "digits":
                remedy = "give the parameters of one run, or each its own folder"
            raise ResultsError(
                f"{folder} has runs whose ELBOs do not compare, for their {name} is "
                f"{_listed(values)}; {remedy}"
            )


def _values(rows: list[Row], name: str) -> list[Any]:
    return sorted({row[name] for row in rows})


def _listed(values: list[Any]) -> str:
    return " or ".join(map(repr, values))
