"""The runs of a sweep in; one page, `report.html`, and one table, `report.csv`, out."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, StrictUndefined
from pydantic import BaseModel, ConfigDict, ValidationError

from vae_lib.parameters import ChapterParameters
from vae_lib.runs.figures import figures, label, number, plus_minus
from vae_lib.runs.notebook import figure_png
from vae_lib.runs.sweep import FAILURE, METRICS, NOTEBOOK
from vae_lib.support.files import write_text

PAGE = Path(__file__).with_name("report.html")
PARAMETERS = list(ChapterParameters.model_fields)
# What runs share that differ by their seed alone. With data="auto" the digits may differ, too.
CONFIGURATION = [*(name for name in PARAMETERS if name != "seed"), "digits"]
SCALE = ["likelihood", "digits"]  # ELBOs compare where these are equal
Row = dict[str, Any]


class ReportError(ValueError):
    """There is nothing to report on; says of which folder, and what it may be."""


class _Given(ChapterParameters):
    data: str  # a file that a run has read need not be there any more


class _Finished(BaseModel):
    """What is reported of a file `metrics.json`."""

    model_config = ConfigDict(allow_inf_nan=False)

    parameters: _Given
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


class _Failed(BaseModel):
    """What is reported of a file `failure.json`."""

    parameters: _Given
    cell: int | None
    error: str


KINDS: dict[str, type[BaseModel]] = {METRICS: _Finished, FAILURE: _Failed}


def write_report(folder: Path) -> tuple[Path, Path]:
    """Write about the runs of a sweep: `report.html` to read, `report.csv` to go on with.

    Args:
        folder: of the sweep; each run has a folder of its own in it.

    Returns:
        The page and the table. Each is whole; where one cannot be written, old ones stay.

    Raises:
        ReportError: the folder does not exist, or no run in it has finished.
    """
    if not folder.is_dir():
        raise ReportError(f"{folder} is not a folder; it may be one that a sweep has filled")
    rows, unread = _read(folder)
    runs = pd.DataFrame([row for row in rows if "elbo" in row])
    if runs.empty:
        seen = f"{len(rows)} failed, {len(unread)} unreadable"
        raise ReportError(f"{folder} has no finished run ({seen}); a report takes one or more")
    html, csv = folder / "report.html", folder / "report.csv"
    page = _page(folder, rows, runs, unread)
    write_text(csv, runs.to_csv(index=False, lineterminator="\n"))
    write_text(html, page)
    return html, csv


def _read(folder: Path) -> tuple[list[Row], list[str]]:
    """Return a row for each run, ordered by parameters, and what is wrong with other files."""
    rows, unread = [], []
    for run in sorted(folder.iterdir()):
        if endings := [run / name for name in KINDS if (run / name).is_file()]:
            try:
                rows.append(_row(endings[0]))
            except ValidationError as fault:
                first = fault.errors()[0]
                where = ": ".join([f"{run.name}/{endings[0].name}", *map(str, first["loc"])])
                unread.append(f"{where}: {first['msg']}")
            except OSError as fault:
                unread.append(f"{run.name}/{endings[0].name}: {fault.strerror}")
    return sorted(rows, key=lambda row: [row[name] for name in PARAMETERS]), unread


def _row(file: Path) -> Row:
    """Return as one flat row what a run has left behind."""
    found = KINDS[file.name].model_validate_json(file.read_bytes()).model_dump()
    versions = {f"version_{name}": text for name, text in found.pop("versions", {}).items()}
    row: Row = {"name": file.parent.name, "notebook": f"{file.parent.name}/{NOTEBOOK}"}
    row |= found.pop("parameters") | found | versions
    return row


def _page(folder: Path, rows: list[Row], runs: pd.DataFrame, unread: list[str]) -> str:
    """Return the page, complete with its pictures."""
    tried = {name: sorted({row[name] for row in rows}) for name in PARAMETERS}
    varied = {name: values for name, values in tried.items() if len(values) > 1}
    shown = [name for name in varied if name not in ("seed", "likelihood")] or ["z_dim"]
    runs = runs.assign(label=[label(row, shown) for row in runs.to_dict("records")])
    facts = ["digits", "epochs", *(name for name in runs if name.startswith("version_"))]
    jinja = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    jinja.filters |= {
        "address": _address,
        "number": number,
        "plus_minus": plus_minus,
        "sample": lambda notebook: _sample(folder / notebook),
        "link": lambda notebook: quote(notebook) if (folder / notebook).is_file() else None,
    }
    panels = []
    for _, of_scale in runs.groupby(SCALE, sort=False):
        kinds = _summarize(of_scale)
        panels.append(
            {"kinds": kinds.to_dict("records"), "figures": figures(of_scale, kinds, shown)}
        )
    return jinja.from_string(PAGE.read_text("utf-8")).render(
        name=folder.resolve().name,
        rows=rows,
        runs=runs,
        unread=unread,
        varied=varied,
        constant={name: values[0] for name, values in tried.items() if len(values) == 1},
        facts={name: runs[name].value_counts(sort=False, dropna=False).to_dict() for name in facts},
        columns=[name for name in varied if name != "seed"] or shown,
        panels=panels,
    )


def _summarize(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each configuration: what is equal, and means over its runs."""
    means = ("elbo", "reconstruction", "kl", "active_units", "epochs", "training_seconds")
    columns: dict[str, Any] = {name: (name, "mean") for name in means}
    columns |= {name: (name, "first") for name in ("notebook", "seed")}  # lowest
    columns |= {
        "seeds": ("seed", "size"),
        "deviation": ("elbo", "std"),
        "lowest": ("elbo", "min"),
        "highest": ("elbo", "max"),
        "first_elbo": ("elbo", "first"),
        "fewest_active": ("active_units", "min"),
    }
    return runs.groupby([*CONFIGURATION, "label"], sort=False).agg(**columns).reset_index()


def _sample(notebook: Path) -> bytes | None:
    """Return the generated digits that a notebook shows, a PNG, if it shows any."""
    try:
        return figure_png(json.loads(notebook.read_bytes()), "fig-generated")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # not there, or not a notebook


def _address(data: bytes, kind: str) -> str:
    """Write data as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
