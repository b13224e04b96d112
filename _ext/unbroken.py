"""Keep a formula and the punctuation beside it on one line.

A formula is a box of its own, and a browser may break a line at either side of it: then a line
begins with a comma, or ends with an opening parenthesis.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

AFTER = re.compile(r"[,.;:!?)’”%–-]+\S*")
BEFORE = re.compile(r"\S*[(‘“–-]$")


def join(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put each formula into a box with what must stay beside it."""
    if app.builder.format != "html":
        return
    for formula in list(doctree.findall(nodes.math)):
        parent, index = formula.parent, formula.parent.index(formula)
        before, after = parent[max(index - 1, 0)], parent[min(index + 1, len(parent) - 1)]
        left = BEFORE.search(before) if isinstance(before, nodes.Text) else None
        right = AFTER.match(after) if isinstance(after, nodes.Text) else None
        if left:
            parent[index - 1] = nodes.Text(before[: left.start()])
        if right:
            parent[index + 1] = nodes.Text(after[right.end() :])
        if left or right:
            box = parent[index] = nodes.inline(classes=["unbroken"])
            box += [nodes.Text(left[0])] if left else []
            box += formula
            box += [nodes.Text(right[0])] if right else []


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page before it is written."""
    app.connect("doctree-resolved", join)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
