"""Copies of the chapters that run anywhere: the first cell installs the book's library.

Colab opens a notebook from a repository, and nothing else of it; Binder makes an environment.
`_build/launch` has what both need, and is pushed to a branch of its own: the chapters in the
repository stay clean. A reader who downloads a chapter gets such a copy too.
"""

import shutil
import sys
from pathlib import Path

import nbformat
import yaml
from address import find, git
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

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
    return f"vae-lib @ git+{repository}" + (f"@{commit}" if commit else "")


def launchable(notebook: NotebookNode, library: str) -> NotebookNode:
    """Return a chapter that begins by installing the library where it is missing."""
    first = new_code_cell(FIRST_CELL.format(requirement=library), id="install")
    # Without jupytext's metadata: saving a copy must not write a second file beside it.
    metadata = {name: each for name, each in notebook.metadata.items() if name != "jupytext"}
    cells = [first, *notebook.cells]
    return NotebookNode({**notebook, "cells": cells, "metadata": NotebookNode(metadata)})


def environment(library: str) -> str:
    """Return the environment that Binder makes: the Python of this build, and the library."""
    python = f"python={sys.version_info.major}.{sys.version_info.minor}"
    # The last two show the text's markup, and the progress bar, in JupyterLab.
    from_pip = {"pip": [library, "jupyterlab-myst>=2.4", "ipywidgets>=8"]}
    made = {"channels": ["conda-forge"], "dependencies": [python, "pip", from_pip]}
    return str(yaml.safe_dump(made, sort_keys=False))


def write_copies(root: Path, source: Path, html: Path) -> None:
    """Write `_build/launch`, and put the same copies where the pages' downloads are."""
    folder, repository = root / "_build/launch", find(root).repository
    shutil.rmtree(folder, ignore_errors=True)
    if repository is None:
        return
    library = requirement(root, repository)
    (folder / "chapters").mkdir(parents=True)
    (folder / "environment.yml").write_text(environment(library), "utf-8")
    (folder / "README.md").write_text(README.format(repository=repository), "utf-8")
    config = yaml.safe_load((source / "_config.yml").read_text("utf-8"))
    for path in sorted((source / "chapters").glob("*.ipynb")):
        if f"chapters/{path.stem}" not in config["sphinx"]["config"]["pages_of_a_clone"]:
            copy = launchable(nbformat.read(path, as_version=4), library)
            nbformat.write(copy, folder / "chapters" / path.name)
            nbformat.write(copy, html / "_sources/chapters" / path.name)
