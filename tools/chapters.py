"""Find the book's chapters, and read notebooks; what cannot be read is named in one sentence."""

import re
import warnings
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml

# Not =======, which underlines a heading.
CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)
TAKES = (
    "it takes `format: jb-book`, `root: index`, and under `chapters` or `parts` each page, "
    "as `file: chapters/NAME`"
)


class BookError(Exception):
    """What stops the work on the book, in one line for the terminal."""


def short(path: Path) -> str:
    """Return a chapter's name with its folder, as it is said to who runs a command."""
    return f"{path.parent.name}/{path.name}"


def sources(folder: Path) -> list[Path]:
    """Return the chapters that _toc.yml, beside their folder, names; other files are none.

    Raises:
        BookError: it is not there, cannot be read, or names no chapter.
    """
    prefix = f"{folder.name}/"
    pages = [page for page in pages_of(folder.parent) if page.startswith(prefix)]
    if not pages:
        raise BookError(f"_toc.yml names no page in {prefix}; {TAKES}")
    return [folder.parent / f"{page}.md" for page in pages]


def pages_of(root: Path) -> list[str]:
    """Return the pages that _toc.yml names, in order.

    Raises:
        BookError: it is not there, or cannot be read.
    """
    toc = root / "_toc.yml"
    if not toc.exists():
        raise BookError("there is no _toc.yml; `git restore _toc.yml` brings it back")
    try:
        return list(map(str, parse_toc_yaml(toc)))
    except Exception as error:  # of YAML, of sphinx_external_toc, each with its own classes
        said = " ".join(str(error).split()).rstrip(".")  # to the end, where the value stands
        raise BookError(f"_toc.yml cannot be read: {said}; {TAKES}") from error


def read_source(path: Path) -> NotebookNode:
    """Read a chapter's .md.

    Raises:
        BookError: it is not there, or no chapter.
    """
    if not path.exists():
        where = f"_toc.yml names {short(path.with_suffix(''))}, but there is no {short(path)}"
        raise BookError(f"{where}; write it, or take it out of _toc.yml")
    try:
        text = path.read_text("utf-8")
        if CONFLICT.search(text):
            raise ValueError("it has conflict markers of git")
        notebook = jupytext.reads(text, fmt="md:myst")
        if not notebook.cells:
            raise ValueError("it is empty")
    except Exception as error:  # of YAML, of jupytext, of nbformat, each with its own classes
        raise BookError(f"{short(path)} cannot be read: {in_a_line(error)}; mend it") from error
    return notebook


def read_notebook(path: Path) -> NotebookNode:
    """Read an .ipynb of any version of the format.

    Raises:
        BookError: it is no notebook.
    """
    try:
        # It warns of cells without ids, which it names, and of two with one, which it parts.
        with warnings.catch_warnings(action="ignore"):
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except OSError:
        raise
    except Exception as error:  # whatever stands in the file
        raise BookError(f"{short(path)} is no notebook: {in_a_line(error)}") from error
    return notebook


def in_a_line(error: Exception) -> str:
    """Return the beginning of what an error says, as a part of a sentence."""
    said = " ".join(str(error).split())
    return re.split(r"[.!?] (?=[A-Z])|: '", said)[0][:120].rstrip(" ,;:.")
