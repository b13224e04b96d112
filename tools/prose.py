"""Numbers in a chapter's prose: computed by its kernel, never typed.

In the text, {eval}`f"{floor:.1f}"` stands for the value of an expression after the cells
above it. JupyterLab evaluates it live. For the book, `with_probes` adds a cell behind each
such text, which prints the values, and `settled` puts them into the text.
"""

import itertools
import json
import re
from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from vae_lib.runs.notebook import is_tagged, printed

ROLE = re.compile(r"\{eval\}`([^`]+)`")
QUESTION = re.compile(r"^\*\*.*\?\*\*$", re.MULTILINE)  # a chapter's first line
# From this heading on, a page is for practice, and no part of its main text.
PRACTICE = re.compile(r"^## Exercises$", re.MULTILINE)
# A section whose heading ends so is folded: it is good, and not needed at first.
HEADING = re.compile(r"^(#{2,}) .*?(\(second reading\))?$", re.MULTILINE)
WORDS, LINES = 130, 12  # of text and of code that a reader takes in a minute
TODO = "○ yours to write: "  # how vae_lib.checks.attempt begins where nothing is written


def with_probes(notebook: NotebookNode) -> NotebookNode:
    """Put a cell behind each text with numbers in it, which prints their values as JSON."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown" and (expressions := ROLE.findall(cell.source)):
            values = ", ".join(f"str({expression})" for expression in expressions)
            code = f"print(__import__('json').dumps([{values}]))"
            probe = new_code_cell(code, metadata={"tags": ["probe"]}, id=f"probe-{cell.id}")
            cells.append(probe)
    return NotebookNode({**notebook, "cells": cells})


def code_of(notebook: NotebookNode) -> list[NotebookNode]:
    """Return a notebook's code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def with_outputs(notebook: NotebookNode, ran: NotebookNode) -> NotebookNode:
    """Return a notebook with what the same code put out when it ran in another one."""
    outputs = {
        cell.id: {key: old[key] for key in ("outputs", "execution_count")}
        for cell, old in zip(code_of(notebook), code_of(ran), strict=True)
    }
    cells = [NotebookNode({**cell, **outputs.get(cell.id, {})}) for cell in notebook.cells]
    return NotebookNode({**ran, "cells": cells})


def settled(notebook: NotebookNode) -> NotebookNode:
    """Return an executed notebook with the values in its text, and without the probes."""
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if not is_tagged(cell, "probe"):
            cells.append(NotebookNode(cell))
        else:
            values = iter(json.loads(printed(cell)))
            cells[-1].source = ROLE.sub(lambda _, v=values: next(v), cells[-1].source)  # type: ignore[misc]
    return NotebookNode({**notebook, "cells": cells})


def main_text(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the cells of a first reading: up to the exercises, without what is folded."""
    folded = 0  # the level of the heading that folds what is below it
    for cell in notebook.cells:
        parts = [cell.source]
        if cell.cell_type == "markdown":
            text, *practice = PRACTICE.split(cell.source, maxsplit=1)
            parts, begins = [], [0, *(m.start() for m in HEADING.finditer(text)), len(text)]
            for begin, end in itertools.pairwise(begins):
                if heading := HEADING.match(text, begin):
                    level = len(heading[1])
                    if not folded or level <= folded:
                        folded = level if heading[2] else 0
                if not folded:
                    parts.append(text[begin:end])
            if parts:
                yield NotebookNode({**cell, "source": "".join(parts)})
            if practice:
                return
        elif not folded:
            yield cell


def reading_minutes(notebook: NotebookNode) -> float:
    """Return how long a chapter's main text takes to read: its words, captions and visible code."""
    words, lines = 0, 0
    for cell in main_text(notebook):
        if cell.cell_type == "markdown":
            words += len(cell.source.split())
        else:
            figure = cell.metadata.get("mystnb", {}).get("figure", {})
            words += len(figure.get("caption", "").split())
            if not is_tagged(cell, "hide-input"):
                lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    return words / WORDS + lines / LINES


def with_times(notebook: NotebookNode, line: str) -> NotebookNode:
    """Return a chapter with a line below its question: how long it takes to read and to run."""
    first = NotebookNode(notebook.cells[0])
    note = f'\n\n<p class="times">{line}</p>'
    first.source = QUESTION.sub(lambda match: match[0] + note, first.source, count=1)
    return NotebookNode({**notebook, "cells": [first, *notebook.cells[1:]]})


def solved_exercises(notebook: NotebookNode) -> Iterator[str]:
    """Yield what an exercise printed that its empty cell should have failed, helpfully."""
    for cell in notebook.cells:
        if is_tagged(cell, "exercise-check"):
            text = printed(cell)
            if (
                not text.startswith(TODO)
                or len(text.splitlines()) != 1
                or text.strip() == TODO.strip()
            ):
                yield f"with nothing written, an exercise printed: {text.strip() or 'nothing'}"
