"""The panels of executed chapters: as a static page has them, and the one of the front page."""

import json

import nbformat
from bs4 import BeautifulSoup

from vae_lib.panels.panel import name_of, written

WIDGET = "application/vnd.jupyter.widget-view+json"


def without_kernel(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop widgets that have a page to show instead: they would ask for a kernel."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data.pop(WIDGET, None)
    notebook.metadata.pop("widgets", None)
    return notebook


def front_explorer(notebook: nbformat.NotebookNode) -> str | None:
    """Return the explorer of an executed chapter, with its last checkpoint only, if it has one."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            if '"checkpoints"' in html:
                return _with_last_checkpoint(html)
    return None


def _with_last_checkpoint(html: str) -> str:
    whole = BeautifulSoup(html, "html.parser").select_one("script[type='application/json']").string
    state = json.loads(whole)
    del state["data"]["checkpoints"][:-1]
    last = written(state)
    return html.replace(whole, last).replace(name_of(whole), name_of(last))
