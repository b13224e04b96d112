"""Numbers in a chapter's prose: computed by its kernel, never typed.

In the text, {eval}`f"{floor:.1f}"` stands for the value of an expression after the cells
above it. JupyterLab evaluates it live. For the book, `with_probes` adds a cell behind each
such text, which prints the values, and `settled` puts them into the text.
"""

import json
import re
from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from vae_lib.runs.notebook import is_tagged, printed

ROLE = re.compile(r"\{eval\}`([^`]+)`")
QUESTION = re.compile(r"^\*\*.*\?\*\*$", re.MULTILINE)  # a chapter's first line
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


def with_run_time(notebook: NotebookNode, line: str) -> NotebookNode:
    """Return a chapter that says, below its question, how long it took to run."""
    first = NotebookNode(notebook.cells[0])
    note = f'\n\n<p class="run-time">{line}</p>'
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
