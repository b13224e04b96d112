"""What is in an executed notebook: tags, printed text, figures."""

import base64
from typing import Any


def is_tagged(cell: Any, tag: str) -> bool:
    """Tell whether a cell has a tag."""
    return tag in cell["metadata"].get("tags", [])


def printed(cell: Any) -> str:
    """Return all that a code cell printed."""
    return "".join(
        output["text"] for output in cell["outputs"] if output["output_type"] == "stream"
    )


def figure_png(notebook: Any, name: str) -> bytes | None:
    """Return the PNG of a figure by its name, if the notebook shows it."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("mystnb", {}).get("figure", {}).get("name") == name:
            for output in cell["outputs"]:
                if png := output.get("data", {}).get("image/png"):
                    return base64.b64decode("".join(png))  # in a file it may be a list of lines
    return None
