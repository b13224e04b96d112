"""Keep each chapter's two files in step: the .md is the source, the .ipynb opens anywhere.

python -m tools.pairs         name every pair that is not in step, exit 1 if there is one
python -m tools.pairs sync    write the .ipynb files anew from the .md files
"""

import hashlib
import sys
from pathlib import Path

import click
import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from jupytext.compare import NotebookDifference, compare_notebooks
from nbformat import NotebookNode

from tools import ROOT
from vae_lib.support.commands import status_of

CHAPTERS = ROOT / "chapters"
VALUES = "user_expressions"  # where JupyterLab keeps the values of {eval} in a text
SETTINGS = {"cell_metadata_filter": f"-{VALUES}", "formats": "ipynb,md:myst"}
REMEDY = "run `python -m tools.pairs sync` (the .md wins)"


def read_half(path: Path) -> NotebookNode:
    """Read either half of a pair."""
    return jupytext.read(path, fmt="md:myst" if path.suffix == ".md" else "ipynb")


def is_set(notebook: NotebookNode) -> bool:
    """Tell whether JupyterLab will save both halves, and in the .md no output."""
    found = notebook.metadata.get("jupytext", {})
    return all(found.get(name) == value for name, value in SETTINGS.items())


def drift(source: Path) -> str:
    """Return in one line how a chapter's .ipynb differs from its .md, or nothing."""
    notebook = source.with_suffix(".ipynb")
    if not notebook.exists():
        return f"there is no {notebook.name}"
    half = read_half(notebook)
    for cell in half.cells:
        cell.metadata.pop(VALUES, None)  # an output, not a difference
    try:
        compare_notebooks(half, read_half(source), "md:myst")
    except NotebookDifference as difference:
        return " ".join(str(difference).split())[:200]
    return ""


def faults(source: Path) -> list[str]:
    """Return one line for each thing that is wrong with a chapter's pair."""
    notebook = source.with_suffix(".ipynb")
    if difference := drift(source):
        return [f"{source.name} and {notebook.name} are not in step: {difference}; {REMEDY}"]
    found = [
        f"{path.name}: its metadata lacks jupytext's {', '.join(SETTINGS)}; {REMEDY}"
        for path in (source, notebook)
        if not is_set(read_half(path))
    ]
    if any(holds_output(cell) for cell in read_half(notebook).cells):
        found.append(f"{notebook.name}: holds outputs; {REMEDY}")
    return found


def holds_output(cell: NotebookNode) -> bool:
    """Tell whether a cell keeps what a kernel made of it; in a text, of its {eval} numbers."""
    return bool(cell.get("outputs") or cell.get("execution_count") or VALUES in cell.metadata)


def check(chapters: Path) -> list[str]:
    """Return the faults of all pairs in a folder."""
    found = [fault for source in sorted(chapters.glob("*.md")) for fault in faults(source)]
    orphans = [p for p in sorted(chapters.glob("*.ipynb")) if not p.with_suffix(".md").exists()]
    return found + [f"{p.name}: its source {p.with_suffix('.md').name} is missing" for p in orphans]


def name_new_cells(notebook: NotebookNode, known: set[str], chapter: str) -> None:
    """Derive new cells' ids from their text, so that a second run changes nothing."""
    taken = {cell.id for cell in notebook.cells} & known
    for cell in notebook.cells:
        if cell.id in known:
            continue
        salt = 0
        while (name := _digest(chapter, cell.cell_type, cell.source, str(salt))) in taken:
            salt += 1
        cell.id = name
        taken.add(name)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def from_source(source: Path) -> NotebookNode:
    """Return the notebook of an .md: cell ids kept where there are any, no outputs."""
    notebook, known = read_half(source), set()
    if source.with_suffix(".ipynb").exists():
        old = read_half(source.with_suffix(".ipynb"))
        known = {cell.id for cell in old.cells if "id" in cell}
        notebook = combine_inputs_with_outputs(notebook, old, "md:myst")
    jupytext_settings = {**notebook.metadata.get("jupytext", {}), **SETTINGS}
    notebook.metadata.jupytext = dict(sorted(jupytext_settings.items()))  # as nbformat sorts them
    notebook.metadata.jupytext.pop("text_representation", None)
    name_new_cells(notebook, known, source.stem)
    for cell in notebook.cells:
        cell.metadata.pop(VALUES, None)
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    return notebook


def sync(chapters: Path) -> list[Path]:
    """Bring each pair into step, from its .md; return the files that changed."""
    changed = []
    for source in sorted(chapters.glob("*.md")):
        notebook = from_source(source)
        if not is_set(read_half(source)):
            jupytext.write(notebook, source, fmt="md:myst")
            changed.append(source)
        target, text = source.with_suffix(".ipynb"), nbformat.writes(notebook) + "\n"
        if not target.exists() or target.read_text("utf-8") != text:
            target.write_text(text, "utf-8")
            changed.append(target)
    return changed


@click.command()
@click.argument("action", type=click.Choice(["check", "sync"]), default="check")
def program(action: str) -> int:
    """Name the pairs that are not in step (check), or bring them into step (sync)."""
    if action == "sync":
        for path in sync(CHAPTERS):
            print(f"wrote chapters/{path.name}")
    found = check(CHAPTERS)
    for fault in found:
        print(f"chapters/{fault}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(status_of(program))
