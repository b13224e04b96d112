"""What a page needs out in the world: a description, icons, and a page for wrong addresses."""

import re
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

LENGTH = 200  # characters, of what a search engine or a card shows of a description
FORMULA = "\N{REPLACEMENT CHARACTER}"
SENTENCE = re.compile(r"(?<=[.?!])\s+")
ICONS = """
<link rel="icon" type="image/png" sizes="48x48" href="{png}" />
<link rel="apple-touch-icon" href="{apple}" />
"""  # for browsers that do not draw favicon.svg


def description(doctree: nodes.document) -> str:
    """Return the first sentences of a page, as many as fit, up to the first formula."""
    text = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            for sentence in SENTENCE.split(without_formulas(paragraph)):
                is_long = text and len(text) + 1 + len(sentence) > LENGTH
                if is_long or FORMULA in sentence:
                    return text
                text = f"{text} {sentence}".strip()
    return text


def without_formulas(paragraph: nodes.paragraph) -> str:
    """Return a paragraph's text on one line, with a mark in place of each formula."""
    copy = paragraph.deepcopy()
    for formula in list(copy.findall(nodes.math)):
        formula.parent.replace(formula, nodes.Text(FORMULA))
    return " ".join(copy.astext().split())


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add a page's description and icons to its head."""
    pathto = context["pathto"]
    icons = {name: pathto(f"_static/{name}.png", 1) for name in ("favicon", "apple-touch-icon")}
    tags = ICONS.format(png=icons["favicon"], apple=icons["apple-touch-icon"])
    if doctree:
        own = "" if page == app.config.root_doc else description(doctree)
        text = own or app.config.book_description
        context["meta"] = {**(context["meta"] or {}), "og:description": escape(text)}
        tags += f'<meta name="description" content="{escape(text)}" />\n'
    context["metatags"] = context.get("metatags", "") + tags


def keep_in_clone(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Take the launch buttons from a page that reads records of the clone."""
    if page in app.config.pages_of_a_clone:
        buttons = context["header_buttons"]
        context["header_buttons"] = [b for b in buttons if b.get("label") != "launch-buttons"]


def write_404(app: Sphinx, error: Exception | None) -> None:
    """Write the page for wrong addresses. It is shown at any depth, so that its links are whole."""
    if error or app.builder.format != "html":
        return
    home = app.config.html_baseurl
    chapters = [page for page in app.env.titles if page.startswith("chapters/0")]
    links = "\n".join(
        f'<li><a href="{home}{page}.html">{escape(app.env.titles[page].astext())}</a></li>'
        for page in sorted(chapters)
    )
    page = Template(Path(__file__).with_name("404.html").read_text("utf-8"))
    values = {"title": escape(app.config.html_title), "home": home, "chapters": links}
    Path(app.outdir, "404.html").write_text(page.substitute(values), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect each to its event; the theme adds its buttons at priority 501."""
    app.add_config_value("book_description", "", "html", str)
    app.add_config_value("pages_of_a_clone", {}, "html", dict)
    app.connect("html-page-context", describe, priority=400)  # before sphinxext.opengraph
    app.connect("html-page-context", keep_in_clone, priority=502)
    app.connect("build-finished", write_404)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
