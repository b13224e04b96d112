"""Fold what can wait: a section whose heading ends in "(second reading)".

Its heading stays, so that it can be linked to; what is below opens on a click. `_static/folding.js`
opens it for who follows a link into it, or prints the page.
"""

from docutils import nodes
from sphinx.application import Sphinx

MARK = "(second reading)"
BEGIN = '<details class="second-reading"><summary>{}</summary>'
SUMMARY = "Good to know, and not needed at first"
END = "</details>"


def fold(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put all that follows such a heading into an element that opens on a click."""
    if app.builder.format != "html":
        return
    for section in doctree.findall(nodes.section):
        title, *below = section.children
        if title.astext().endswith(MARK):
            begin = nodes.raw("", BEGIN.format(SUMMARY), format="html")
            section.children = []
            section += [title, begin, *below, nodes.raw("", END, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page before it is written."""
    app.connect("doctree-resolved", fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
