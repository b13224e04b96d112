"""A title and a caption are words: HTML in them is shown as it was typed.

They show on other pages too, in lists of contents and in what the search finds.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class TitlesAreWords(SphinxTransform):
    """Make text of what a page writes as HTML into its titles and captions."""

    default_priority = 10  # before anything reads a title

    def apply(self) -> None:
        """Change the page."""
        for words in list(self.document.findall(is_title)):
            for raw in list(words.findall(nodes.raw)):
                raw.parent.replace(raw, nodes.Text(raw.astext()))


def is_title(node: nodes.Node) -> bool:
    """Tell a title or a caption."""
    return isinstance(node, nodes.title | nodes.caption)


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page as it is read."""
    app.add_transform(TitlesAreWords)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
