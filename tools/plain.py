"""A chapter's text without MyST's markup, for what would show it as it is typed.

References become what the page shows: numbers of equations, exercises and figures, authors and
years. JupyterLab needs no more: it numbers by itself, but from one in each notebook. Colab shows
no boxes either, and has no other file beside the one that it opened: links lead to the pages.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from nbformat import NotebookNode
from pybtex.database import Person, parse_file

EXERCISE = re.compile(r"^(`{3,})\{exercise\}\n:label: ex-(\d+)-(\d+)\n+(.*?)^\1$", re.M | re.S)
SOLUTION = re.compile(r"^(`{3,})\{solution-start\} ex-(\d+)-(\d+)\n(?::.*\n)*\1$", re.M)
SOLUTION_END = re.compile(r"^(`{3,})\{solution-end\}\n\1$", re.M)
BOX = re.compile(r"^(`{3,})\{admonition\} ([^\n]*)\n(?::[^\n]*\n)*(.*?)^\1$", re.M | re.S)
LABEL = re.compile(r"^\([\w-]+\)=\n", re.M)
EQUATION = re.compile(r"\n\$\$ \(eq-(\d+)-(\d+)\)")
ROLE = re.compile(r"\{(eq|ref|numref|cite:[pt])\}`([^`]+)`")
LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")
SOURCE = re.compile(r"\.(?:ipynb|md)(?=#|$)")


class References(NamedTuple):
    """What references can name: figures and sources, by their labels."""

    figures: dict[str, str]
    sources: dict[str, tuple[str, str]]


def references_of(notebooks: dict[str, NotebookNode], bibliography: Path) -> References:
    """Return what can be referred to in chapters: given by their names, in the order of the toc."""
    return References(dict(figure_numbers(notebooks)), sources(bibliography))


def figure_numbers(notebooks: dict[str, NotebookNode]) -> Iterator[tuple[str, str]]:
    """Yield each figure with its number: 5.2 in 05-loss; pages without a number count on."""
    elsewhere = map(str, count(1))
    for stem, notebook in notebooks.items():
        in_chapter = (f"{stem[:2].lstrip('0')}.{k}" for k in count(1))
        numbers = in_chapter if stem[0].isdigit() else elsewhere
        cells = [cell.metadata.get("mystnb", {}).get("figure") for cell in notebook.cells]
        yield from ((figure["name"], next(numbers)) for figure in filter(None, cells))


def sources(bibliography: Path) -> dict[str, tuple[str, str]]:
    """Return the authors and the year of each source."""

    def authors(persons: list[Person]) -> str:
        names = [" ".join(person.last_names) for person in persons]
        return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)

    entries: dict[str, Any] = parse_file(bibliography).entries
    return {
        key: (authors(entry.persons["author"]), entry.fields["year"])
        for key, entry in entries.items()
    }


def named(match: re.Match[str], references: References) -> str:
    """Return what the page shows for a role."""
    role, target = match.groups()
    if role in {"eq", "ref"}:
        number = ".".join(target.split("-")[1:])
        return f"({number})" if role == "eq" else f"Exercise {number}"
    if role == "numref":
        return f"Fig. {references.figures[target]}"
    found = [references.sources[key.strip()] for key in target.split(",")]
    if role == "cite:t":
        return ", ".join(f"{authors} ({year})" for authors, year in found)
    return f"({'; '.join(f'{authors}, {year}' for authors, year in found)})"


def numbered(text: str, references: References) -> str:
    """Return the text of a cell with the book's numbers; its boxes and links are as they were."""
    text = EXERCISE.sub(r"\1{admonition} Exercise \2.\3\n\n\4\1", text)
    text = SOLUTION.sub(r"**Solution to Exercise \2.\3.**", text)
    text = SOLUTION_END.sub("", text)
    text = LABEL.sub("", text)
    text = EQUATION.sub(r" \\tag{\1.\2}\n$$", text)
    return ROLE.sub(lambda match: named(match, references), text)


def plain(text: str, page: str, references: References, site: str) -> str:
    """Return the text of a cell of a page, such as chapters/05-loss, in plain Markdown."""
    text = EXERCISE.sub(r"**Exercise \2.\3.** \4", text)
    text = numbered(BOX.sub(r"**\2**\n\n\3", text), references)
    base = f"{site}{page}.html"
    return LINK.sub(lambda match: f"]({urljoin(base, SOURCE.sub('.html', match[1]))})", text)


def rewritten(notebook: NotebookNode, rewrite: Callable[[str], str]) -> NotebookNode:
    """Return a notebook with each text rewritten; what is empty then is left out."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell = NotebookNode({**cell, "source": rewrite(cell.source).strip()})
        if cell.source or cell.cell_type == "code":
            cells.append(cell)
    return NotebookNode({**notebook, "cells": cells})
