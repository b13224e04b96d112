"""The reader's copies of the chapters, in my-chapters/: theirs to change, never committed.

python -m tools.copies    make the copies that are missing, and bring what the book changed into
                          the others; what the reader wrote stays

A copy names the text of the book that it was made from, which is kept in my-chapters/.base/.
Against it, what the reader changed is told from what the book changed, cell by cell. It is never
overwritten: so nothing is lost by an interruption, nor when JupyterLab, in which a copy was open
all the time, then saves it as it was.
"""

import hashlib
import sys
import uuid
from functools import partial
from itertools import count
from pathlib import Path

import click
import nbformat
from nbformat import NotebookNode

from tools import ROOT, chapters, pairs, plain
from tools.chapters import BookError, short
from vae_lib.support.commands import status_of
from vae_lib.support.files import write_text

FOLDER = "my-chapters"  # as deep as chapters/: what a chapter reads from the clone is found
BASE = "base"  # in a copy's metadata: the digest of the text that it was made from
Cells = dict[str, NotebookNode]  # by their ids, in order


def update(root: Path) -> list[str]:
    """Bring all copies up to date; return a line about each that was written.

    Raises:
        BookError: a chapter cannot be read; then nothing is written.
    """
    sources = chapters.sources(root / "chapters")
    read = {source.stem: pairs.from_source(source) for source in sources}
    references = plain.references_of(read, root / "references.bib")
    books = {stem: as_copied(notebook, references) for stem, notebook in read.items()}
    (root / FOLDER / ".base").mkdir(parents=True, exist_ok=True)
    lines = [update_copy(root / FOLDER / f"{name}.ipynb", book) for name, book in books.items()]
    return [line for line in lines if line]


def as_copied(notebook: NotebookNode, references: plain.References) -> NotebookNode:
    """Return a chapter as it is copied: with the book's numbers, without a pair, solutions folded.

    JupyterLab would save an .md of a pair.
    """
    hide_solutions(notebook)
    notebook = plain.rewritten(notebook, partial(plain.numbered, references=references))
    del notebook.metadata["jupytext"]
    notebook.metadata[BASE] = hashlib.sha256(nbformat.writes(notebook).encode()).hexdigest()[:16]
    return notebook


def hide_solutions(notebook: NotebookNode) -> None:
    """Fold what solutions print, too: Run All must not show a reader what is to be found."""
    inside = False
    for cell in notebook.cells:
        inside |= plain.SOLUTION.search(cell.source) is not None
        if inside and cell.cell_type == "code":
            cell.metadata.setdefault("jupyter", {})["outputs_hidden"] = True
        inside &= plain.SOLUTION_END.search(cell.source) is None


def update_copy(path: Path, book: NotebookNode) -> str:
    """Bring one copy up to date; return in one line what was done, or nothing."""
    try:
        mine = chapters.read_notebook(path)
    except FileNotFoundError:
        write(path, book, book)
        return f"{short(path)}: new"
    except BookError as error:
        aside = set_aside(path)
        write(path, book, book)
        return f"{error}; it is kept as {aside.name}, and a new copy made"
    if mine.metadata.get(BASE) == book.metadata[BASE]:
        return ""
    theirs = by_id(book)
    cells = merged(base_of(path, mine), by_id(mine), theirs)
    metadata = {**mine.metadata, BASE: book.metadata[BASE]}
    write(path, NotebookNode({**book, "metadata": metadata, "cells": cells}), book)
    yours = sum(not same(cell, theirs.get(cell.id)) for cell in cells)
    return f"{short(path)}: updated" + f", {yours} cells in it are yours" * (yours > 0)


def write(path: Path, copy: NotebookNode, book: NotebookNode) -> None:
    """Write a copy, after the text of the book that it names: an interruption leaves both whole."""
    write_text(base_path(path, book), nbformat.writes(book) + "\n")
    write_text(path, nbformat.writes(copy) + "\n")


def base_path(path: Path, notebook: NotebookNode) -> Path:
    """Return where the text of the book is kept that a copy was made from."""
    return path.parent / ".base" / f"{path.stem}-{notebook.metadata.get(BASE)}.ipynb"


def base_of(path: Path, mine: NotebookNode) -> Cells:
    """Return the cells that a copy was made from; without any, nothing in it counts as old."""
    try:
        return by_id(chapters.read_notebook(base_path(path, mine)))
    except (BookError, FileNotFoundError):
        return {}


def set_aside(path: Path) -> Path:
    """Give a file that is no notebook another name."""
    names = (path.with_name(f"{path.stem}-unreadable-{k}.ipynb") for k in count(1))
    return path.rename(next(name for name in names if not name.exists()))


def by_id(notebook: NotebookNode) -> Cells:
    """Return a notebook's cells by their ids; one without, or with another's, gets its own."""
    cells: Cells = {}
    for cell in notebook.cells:
        if cell.get("id") is None or cell.id in cells:
            cell.id = new_id()
        cells[cell.id] = cell
    return cells


def new_id() -> str:
    """Return an id that no cell has."""
    return uuid.uuid4().hex


def same(a: NotebookNode | None, b: NotebookNode | None) -> bool:
    """Tell whether two cells say the same: outputs and metadata are no one's edit."""
    if a is None or b is None:
        return a is b
    return bool(a.cell_type == b.cell_type and a.source == b.source)


def merged(base: Cells, mine: Cells, book: Cells) -> list[NotebookNode]:
    """Join what the reader changed and what the book changed since the base of both."""
    moved = [name for name in mine if name in base] != [name for name in base if name in mine]
    order = joined(mine, book) if moved else joined(book, mine)
    return [c for name in order for c in one(base.get(name), mine.get(name), book.get(name))]


def joined(first: Cells, second: Cells) -> list[str]:
    """Return the ids of the first, and each of the second's own behind the one before it there."""
    order = list(first)
    for before, name in zip([None, *second], second, strict=False):
        if name not in order:
            order.insert(0 if before is None else order.index(before) + 1, name)
    return order


def one(
    base: NotebookNode | None, mine: NotebookNode | None, book: NotebookNode | None
) -> list[NotebookNode]:
    """Return what becomes of one cell; it is None where it is not.

    Where both changed it, the reader's stands below the book's: run from the top, it is theirs
    that holds. The book's keeps the id, under which later changes find it.
    """
    if same(mine, book) or same(mine, base):
        return [] if book is None else [with_outputs(book, mine)]
    if same(book, base):
        return [] if mine is None else [mine]
    if mine is None or book is None:  # changed is more than deleted
        return [mine or book]
    return [book, NotebookNode({**mine, "id": new_id()})]


def with_outputs(book: NotebookNode, mine: NotebookNode | None) -> NotebookNode:
    """Return the book's cell, with the outputs of the reader's if that says the same."""
    if mine is None or book.cell_type != "code" or not same(mine, book):
        return book
    outputs = {name: mine[name] for name in ("outputs", "execution_count")}
    return NotebookNode({**book, **outputs})


@click.command()
def program() -> None:
    """Bring your copies of the chapters up to date; what you wrote in them stays."""
    for line in update(ROOT):
        print(line)


if __name__ == "__main__":
    sys.exit(status_of(program, failed=(BookError,)))
