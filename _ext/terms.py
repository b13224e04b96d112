"""Where a page first uses a term of the glossary, link it and show its definition.

The definition becomes the link's title. `_static/terms.js` shows that on hover, on focus
and on the first tap, so that no chapter has to mark its words.
"""

import re
from collections.abc import Iterable

from docutils import nodes
from sphinx.application import Sphinx

GLOSSARY = "glossary"
PROSE = (nodes.paragraph, nodes.strong, nodes.emphasis)
ELSEWHERE = (nodes.reference, nodes.Titular, nodes.caption, nodes.citation)


def definitions(glossary: nodes.document) -> dict[str, tuple[str, str]]:
    """Return each term in small letters, with its anchor and its definition's first paragraph."""
    found = {}
    for entry in glossary.findall(nodes.definition_list_item):
        *terms, definition = entry.children
        for term in terms:
            found[term.astext().lower()] = (term["ids"][0], definition[0].astext())
    return found


def any_of(terms: Iterable[str]) -> re.Pattern[str]:
    """Match whole words, in the plural too; of terms within terms the longest."""
    words = "|".join(map(re.escape, sorted(terms, key=len, reverse=True)))
    return re.compile(rf"(?<![\w-])({words})(?:e?s)?(?![\w-])", re.IGNORECASE)


def is_prose(node: nodes.Node) -> bool:
    """Tell running text from titles, captions, links, citations, code and formulas."""
    if not (isinstance(node, nodes.Text) and isinstance(node.parent, PROSE)):
        return False
    while node.parent and not isinstance(node, ELSEWHERE):
        node = node.parent
    return not isinstance(node, ELSEWHERE)


def mark(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the first use of each term on a page."""
    if app.builder.format != "html" or page == GLOSSARY:
        return
    terms, shown = definitions(app.env.get_doctree(GLOSSARY)), set()
    words, glossary = any_of(terms), app.builder.get_relative_uri(page, GLOSSARY)
    for text in list(doctree.findall(is_prose)):
        parts, end = [], 0
        for match in words.finditer(text):
            anchor, definition = terms[match[1].lower()]
            if definition not in shown:
                shown.add(definition)
                link = {"refuri": f"{glossary}#{anchor}", "reftitle": definition}
                parts.append(nodes.Text(text[end : match.start()]))
                parts.append(nodes.reference("", match[0], classes=["term"], **link))
                end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def setup(app: Sphinx) -> dict[str, bool]:
    """Mark each page once its references are resolved."""
    app.connect("doctree-resolved", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
