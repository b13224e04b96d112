"""The runs of a sweep in; one page, `report.html`, and one table, `report.csv`, out."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, StrictUndefined

from vae_lib.runs.chapters import Chapter
from vae_lib.runs.figures import best_of, figures, label, number, plus_minus
from vae_lib.runs.notebook import figure_png
from vae_lib.runs.results import MODEL, Results, ResultsError, Row, model_fault, read_results
from vae_lib.support.files import write_text

PAGE = Path(__file__).with_name("report.html")


def write_report(folder: Path) -> tuple[Path, Path]:
    """Write about the runs of a sweep: `report.html` to read, `report.csv` to go on with.

    Args:
        folder: of the sweep; each run has a folder of its own in it.

    Returns:
        The page and the table. Each is whole; where one cannot be written, old ones stay.

    Raises:
        ResultsError: the folder does not exist, has runs of two chapters, or no finished one.
    """
    results = read_results(folder)
    runs = pd.DataFrame(results.finished)
    if runs.empty:
        seen = f"{len(results.rows)} failed, {len(results.unread)} unreadable"
        raise ResultsError(f"{folder} has no finished run ({seen}); a report takes one or more")
    html, csv = folder / "report.html", folder / "report.csv"
    page = _page(folder, results, runs)
    table = runs.drop(columns=[*results.chapter.of_one_run, "model", "verdict"])
    write_text(csv, table.to_csv(index=False, lineterminator="\n"))
    write_text(html, page)
    return html, csv


def _page(folder: Path, results: Results, runs: pd.DataFrame) -> str:
    """Return the page, complete with its pictures."""
    chapter, rows = results.chapter, results.rows
    tried = {name: sorted({row[name] for row in rows}) for name in chapter.fields}
    varied = {name: values for name, values in tried.items() if len(values) > 1}
    shown = [name for name in varied if name not in ("seed", *chapter.scales)] or ["z_dim"]
    runs = runs.assign(label=[label(row, shown) for row in runs.to_dict("records")])
    facts = ["digits", "epochs", *(name for name in runs if name.startswith("version_"))]
    jinja = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    jinja.filters |= {
        "address": _address,
        "number": number,
        "plus_minus": plus_minus,
        "sample": lambda notebook: _sample(folder / notebook, chapter.picture),
        "link": lambda notebook: quote(notebook) if (folder / notebook).is_file() else None,
    }
    models, damaged = _models(folder, results.finished)
    return jinja.from_string(PAGE.read_text("utf-8")).render(
        name=folder.resolve().name,
        chapter=chapter,
        rows=rows,
        runs=runs,
        models=models,
        unread=results.unread + damaged,
        varied=varied,
        constant={name: values[0] for name, values in tried.items() if len(values) == 1},
        facts={name: runs[name].value_counts(sort=False, dropna=False).to_dict() for name in facts},
        columns=[name for name in varied if name != "seed"] or shown,
        other_data=[n for n in chapter.scales if n in varied and n != "likelihood"],
        panels=_panels(runs, chapter, shown, [name for name in chapter.scales if name in varied]),
    )


def _models(folder: Path, rows: list[Row]) -> tuple[dict[str, str], list[str]]:
    """Return the address of each run's model by the run's name, and what is wrong with others."""
    addresses, damaged = {}, []
    with ThreadPoolExecutor() as pool:  # reading and digests leave other threads their turn
        faults = list(pool.map(lambda row: model_fault(folder / row["name"], row["model"]), rows))
    for row, fault in zip(rows, faults, strict=True):
        if fault:
            damaged.append(fault)
        elif row["model"] is not None:
            addresses[row["name"]] = quote(f"{row['name']}/{MODEL}")
    return addresses, damaged


def _panels(
    runs: pd.DataFrame, chapter: Chapter, shown: list[str], apart: list[str]
) -> list[dict[str, Any]]:
    """Return what is shown of runs whose ELBOs compare, for each kind of them.

    Args:
        runs: all that have finished, with a `label` each.
        chapter: that they are runs of.
        shown: parameters by which configurations are told apart.
        apart: parameters by which the kinds are.
    """
    panels = []
    several_digits = runs["digits"].nunique() > 1
    for _, of_scale in runs.groupby([*chapter.scales, "digits"], sort=False):
        kinds, first = _summarize(of_scale, chapter), of_scale.iloc[0]
        scale = [f"{name}={first[name]}" for name in apart]
        scale += [first["digits"].rstrip(".")] * several_digits
        drawn = figures(of_scale, kinds, shown, chapter.held_out)
        panels.append(
            {
                "scale": ", ".join(scale),
                "kinds": kinds.to_dict("records"),
                "pictured": best_of(kinds).to_dict("records"),
                "figures": drawn,
            }
        )
    return panels


def _summarize(runs: pd.DataFrame, chapter: Chapter) -> pd.DataFrame:
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
    # What runs share that differ by their seed alone. The digits may differ with data="auto".
    shared = [*(name for name in chapter.fields if name != "seed"), "digits", "label"]
    return runs.groupby(shared, sort=False).agg(**columns).reset_index()


def _sample(notebook: Path, name: str) -> bytes | None:
    """Return the generated images that a notebook shows, a PNG, if it shows any."""
    try:
        return figure_png(json.loads(notebook.read_bytes()), name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # not there, or not a notebook


def _address(data: bytes, kind: str) -> str:
    """Write data as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
