"""Copies of the chapters that run anywhere: the first cell installs the book's library.

Colab opens a notebook from a repository, and nothing else of it; Binder makes an environment.
`_build/launch` has what both need, and is pushed to a branch of its own: the chapters in the
repository stay clean. A reader who downloads a chapter gets such a copy too. Their text is
without the book's own markup, which Colab does not know.
"""

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools import plain
from tools.address import find, git
from tools.chapters import pages_of

FIRST_CELL = """\
# This chapter uses the book's library. Where that is missing, as on Colab, this cell installs
# it, which takes a minute or two. In a clone of the book it does nothing.
import importlib.util

if importlib.util.find_spec("vae_lib") is None:
    %pip install --quiet "{requirement}"
"""
README = """\
The chapters of {repository} as they ran when the book was built, for Colab and Binder.
This branch is written anew each time the book is published: change the chapters there, not here.
"""


def requirement(root: Path, repository: str) -> str:
    """Return how pip names the library, at the commit that the book is built from."""
    commit = git(root, "rev-parse", "HEAD")
    return f"vae-lib[notebook] @ git+{repository}" + (f"@{commit}" if commit else "")


def launchable(notebook: NotebookNode, library: str) -> NotebookNode:
    """Return a chapter that begins by installing the library where it is missing."""
    first = new_code_cell(FIRST_CELL.format(requirement=library), id="install")
    # Without jupytext's metadata: saving a copy must not write a second file beside it.
    metadata = {name: each for name, each in notebook.metadata.items() if name != "jupytext"}
    cells = [first, *notebook.cells]
    return NotebookNode({**notebook, "cells": cells, "metadata": NotebookNode(metadata)})


def binder_environment(library: str) -> str:
    """Return the environment that Binder makes: the Python of this build, and the library."""
    python = f"python={sys.version_info.major}.{sys.version_info.minor}"
    made = {"channels": ["conda-forge"], "dependencies": [python, "pip", {"pip": [library]}]}
    return str(yaml.safe_dump(made, sort_keys=False))


def copies(source: Path, site: str, library: str) -> Iterator[tuple[str, NotebookNode]]:
    """Yield the chapters that need no clone, as they were published, with their files' names."""
    pages = [page for page in pages_of(source) if page.startswith("chapters/")]
    chapters = {
        page.removeprefix("chapters/"): nbformat.read(source / f"{page}.ipynb", as_version=4)
        for page in pages
    }
    references = plain.references_of(chapters, source / "references.bib")
    for page, (stem, notebook) in zip(pages, chapters.items(), strict=True):
        if page in pages_of_a_clone(source):
            continue
        rewrite = partial(plain.plain, page=page, references=references, site=site)
        text = plain.rewritten(notebook, rewrite)
        yield f"{stem}.ipynb", launchable(text, library)


def pages_of_a_clone(source: Path) -> dict[str, list[str]]:
    """Return the pages that read what only a clone has, and the patterns of those files."""
    config = yaml.safe_load((source / "_config.yml").read_text("utf-8"))
    return dict(config["sphinx"]["config"]["pages_of_a_clone"])


def write_copies(root: Path, source: Path, html: Path) -> None:
    """Write `_build/launch`, and put the same copies where the pages' downloads are."""
    folder, where = root / "_build/launch", find(root)
    shutil.rmtree(folder, ignore_errors=True)
    if where.repository is None or where.site is None:
        return
    library = requirement(root, where.repository)
    (folder / "chapters").mkdir(parents=True)
    (folder / "environment.yml").write_text(binder_environment(library), "utf-8")
    (folder / "README.md").write_text(README.format(repository=where.repository), "utf-8")
    for name, copy in copies(source, where.site, library):
        nbformat.write(copy, folder / "chapters" / name)
        nbformat.write(copy, html / "_sources/chapters" / name)
