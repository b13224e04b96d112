"""The panels of executed chapters: as a static page has them, and the one of the front page."""

import base64
import json

import nbformat
from bs4 import BeautifulSoup

from vae_lib.panels.explorer import Explorer
from vae_lib.panels.panel import page

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
                return _with_last_checkpoint(BeautifulSoup(html, "html.parser"))
    return None


def _with_last_checkpoint(soup: BeautifulSoup) -> str:
    state = json.loads(soup.select_one("script[type='application/json']").string)
    del state["data"]["checkpoints"][:-1]
    _, png = soup.select_one(".still img")["src"].split(",")
    return page(Explorer, state, base64.b64decode(png))
