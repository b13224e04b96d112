"""Keep each chapter's two files in step: the .md is the source, the .ipynb opens anywhere.

python -m tools.pairs         name every pair that is not in step, exit 1 if there is one
python -m tools.pairs sync    write both files as jupytext does, from the .md alone

The .md comes out as it was read: jupytext and JupyterLab, when they save it, change nothing.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import jupytext
import nbformat
from jupytext.combine import map_outputs_to_inputs
from jupytext.compare import NotebookDifference, compare_notebooks
from nbformat import NotebookNode

from tools import ROOT, chapters
from tools.chapters import BookError, short
from vae_lib.support.commands import status_of
from vae_lib.support.files import write_text

CHAPTERS = ROOT / "chapters"
VALUES = "user_expressions"  # where JupyterLab keeps the values of {eval} in a text
SETTINGS = {
    "cell_metadata_filter": f"-{VALUES}",
    "formats": "ipynb,md:myst",
    # JupyterLab puts its parts into another order than jupytext: no .md would stay as it is.
    "notebook_metadata_filter": "-kernelspec",
}
# As JupyterLab writes it into the .ipynb once the kernel runs.
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
REMEDY = "run `python -m tools.pairs sync` (the .md wins)"


def is_set(notebook: NotebookNode) -> bool:
    """Tell whether JupyterLab will save both halves, and in the .md no output."""
    found = notebook.metadata.get("jupytext", {})
    return all(found.get(name) == value for name, value in SETTINGS.items())


def drift(source: Path) -> str:
    """Return in one line how a chapter's .ipynb differs from its .md, or nothing."""
    notebook, expected = source.with_suffix(".ipynb"), chapters.read_source(source)
    if not notebook.exists():
        return f"there is no {notebook.name}"
    try:
        half = chapters.read_notebook(notebook)
        for cell in half.cells:
            cell.metadata.pop(VALUES, None)  # an output, not a difference
        compare_notebooks(half, expected, "md:myst")
    except BookError as error:
        return str(error)
    except NotebookDifference as difference:
        return " ".join(str(difference).split())[:200]
    return ""


def faults(source: Path) -> list[str]:
    """Return one line for each thing that is wrong with a chapter's pair."""
    try:
        if difference := drift(source):
            notebook = source.with_suffix(".ipynb").name
            return [f"{short(source)} and {notebook} are not in step: {difference}; {REMEDY}"]
        texts = halves(source)
    except BookError as error:
        return [str(error)]
    stale = [path for path, text in texts.items() if not holds(path, text)]
    return [f"{short(path)}: {fault(path)}; {REMEDY}" for path in stale]


def fault(path: Path) -> str:
    """Say what is wrong with a half that sync would write anew, though its cells are right."""
    if path.suffix == ".md":
        if is_set(chapters.read_source(path)):
            return "not as jupytext writes it"
        return f"its metadata lacks jupytext's {', '.join(SETTINGS)}"
    if any(holds_output(cell) for cell in chapters.read_notebook(path).cells):
        return "holds outputs"
    return "holds metadata that the .md does not have"


def holds_output(cell: NotebookNode) -> bool:
    """Tell whether a cell keeps what a kernel made of it; in a text, of its {eval} numbers."""
    return bool(cell.get("outputs") or cell.get("execution_count") or VALUES in cell.metadata)


def holds(path: Path, text: str) -> bool:
    """Tell whether a file is there and holds exactly this text."""
    return path.exists() and path.read_bytes() == text.encode()


def check(folder: Path) -> list[str]:
    """Return the faults of all pairs in a folder."""
    return [fault for source in chapters.sources(folder) for fault in faults(source)]


def name_cells(notebook: NotebookNode, old: NotebookNode | None, chapter: str) -> None:
    """Keep the cells' ids, and derive new ones from their text: a second run changes nothing."""
    was = [] if old is None else old.cells
    matches = map_outputs_to_inputs(notebook.cells, was)
    names = [None if k is None else was[k].get("id") for k in matches]
    taken = set(names)
    for cell, known in zip(notebook.cells, names, strict=True):
        cell.id = known or next(name for name in _names(cell, chapter) if name not in taken)
        taken.add(cell.id)


def _names(cell: NotebookNode, chapter: str) -> Iterator[str]:
    salt = 0
    while True:
        text = "\0".join((chapter, cell.cell_type, cell.source, str(salt)))
        yield hashlib.sha256(text.encode()).hexdigest()[:8]
        salt += 1


def from_source(source: Path) -> NotebookNode:
    """Return the notebook of an .md: of the .ipynb nothing is kept but the ids of its cells."""
    notebook = chapters.read_source(source)
    try:
        old = chapters.read_notebook(source.with_suffix(".ipynb"))
    except (BookError, FileNotFoundError):
        old = None
    settings = {**notebook.metadata.get("jupytext", {}), **SETTINGS}
    notebook.metadata.jupytext = dict(sorted(settings.items()))  # as nbformat sorts them
    notebook.metadata.kernelspec = KERNEL
    name_cells(notebook, old, source.stem)
    for cell in notebook.cells:
        cell.metadata.pop(VALUES, None)
    return notebook


def halves(source: Path) -> dict[Path, str]:
    """Return the texts of a chapter's two files, as they should be."""
    notebook = from_source(source)
    written_by = notebook.metadata.jupytext.pop("text_representation", {})
    markdown = jupytext.writes(notebook, fmt="md:myst")
    if version := written_by.get("jupytext_version"):  # another version of it is no fault
        markdown = markdown.replace(jupytext.__version__, version, 1)
    return {source: markdown, source.with_suffix(".ipynb"): nbformat.writes(notebook) + "\n"}


def sync(folder: Path) -> list[Path]:
    """Bring each pair into step, from its .md; return the files that changed.

    Raises:
        BookError: an .md is missing or cannot be read; then nothing is written.
    """
    pairs = [halves(source) for source in chapters.sources(folder)]
    texts = {path: text for pair in pairs for path, text in pair.items()}
    changed = [path for path, text in texts.items() if not holds(path, text)]
    for path in changed:
        write_text(path, texts[path])
    return changed


@click.command()
@click.argument("action", type=click.Choice(["check", "sync"]), default="check")
def program(action: str) -> int:
    """Name the pairs that are not in step (check), or bring them into step (sync)."""
    if action == "sync":
        for path in sync(CHAPTERS):
            print(f"wrote {short(path)}")
    found = check(CHAPTERS)
    for each in found:
        print(each, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(status_of(program, failed=(BookError,)))
