"""The notebook that a program left in, one page of its pictures and its verdict out."""

import re
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from vae_lib.parameters import EndOfProgram
from vae_lib.runs.results import ResultsError
from vae_lib.support.files import write_text
from vae_lib.support.policy import put_policy

# A notebook may come from anyone, and its outputs are HTML: no script runs, nothing is fetched.
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'none'; "
    "img-src data:; font-src data:; style-src 'unsafe-inline'"
)
# What leads to another page or connects to its host unasked, whatever the policy is.
UNASKED = re.compile(r"<(?=(?:meta|link|base|i?frame|object|embed)\b)", re.IGNORECASE)
TEX = "*Formulas stand here as they are typed, in TeX: no script runs in this page.*"
STOPPED = "**This run has not come to its end:** here is what it had done when it stopped."
LABEL = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)  # of a section, which a page does not show


def write_page(notebook: Path) -> Path:
    """Write what papermill made of a notebook as a page: text, pictures and numbers, no code.

    It ends where the program ended: what stands below is for the book's readers. No script runs
    in it, whoever the notebook comes from, and it asks no host for anything: formulas stay TeX.

    Args:
        notebook: a file `.ipynb`, executed.

    Returns:
        The page, beside it. It is whole; where it cannot be written, an old one stays.

    Raises:
        ResultsError: there is no such file, it is no notebook, or nothing of it has run.
    """
    try:
        content = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, AttributeError, TypeError, nbformat.ValidationError) as fault:
        raise ResultsError(
            f"{notebook} cannot be read as a notebook ({type(fault).__name__}); it may be the one "
            "that papermill wrote, such as out.ipynb"
        ) from fault
    ran = [at for at, cell in enumerate(content.cells) if cell.get("execution_count")]
    if not ran:
        raise ResultsError(f"{notebook} has not been run; papermill runs a notebook")
    is_stopped = _is_stopped(content.cells, ran[-1])
    content.cells = content.cells[: ran[-1] + (not _is_end(content.cells[ran[-1]]))]
    for cell in content.cells:
        if cell.cell_type == "markdown":
            cell.source = LABEL.sub("", cell.source)
    if any("$" in cell.source for cell in content.cells if cell.cell_type == "markdown"):
        content.cells.insert(1, new_markdown_cell(TEX))
    if is_stopped:
        content.cells.insert(1, new_markdown_cell(STOPPED))
    # Without addresses the template leaves out the scripts that it would fetch.
    exporter = HTMLExporter(
        exclude_input=True, exclude_output_prompt=True, mathjax_url="", require_js_url=""
    )
    text, _ = exporter.from_notebook_node(content, {"metadata": {"name": notebook.stem}})
    head, body, rest = text.partition("<body")
    text = head + body + UNASKED.sub("&lt;", rest)
    page = notebook.with_suffix(".html")
    write_text(page, put_policy(text, POLICY))
    return page


def _is_stopped(cells: list[NotebookNode], last: int) -> bool:
    """Tell whether something is left to run after the last cell that ran, and none says why.

    So it is where a kernel or papermill was killed: an error would stand in the page.
    """
    left = any(cell.cell_type == "code" and cell.source for cell in cells[last + 1 :])
    errors = any(o.output_type == "error" for cell in cells for o in cell.get("outputs", []))
    return left and not errors


def _is_end(cell: NotebookNode) -> bool:
    """Tell whether a cell has run `end_of_program`."""
    return any(output.get("ename") == EndOfProgram.__name__ for output in cell.outputs)
