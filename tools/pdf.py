"""The whole book as one PDF: the built pages, one after another, printed by Chromium.

What is printed is what was checked and published. `_static/print.css` says how it looks on
paper, here and when a reader prints a page.
"""

import io
import json
import posixpath
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Error, Page, Route
from pypdf import PdfReader

from tools.browser import REMEDY, find_browser, launched
from tools.chapters import BookError, pages_of
from tools.policy import with_policy
from vae_lib.support.files import write_bytes, write_text
from vae_lib.support.printing import say

NAME = "variational-autoencoders.pdf"
FRONT = "About this book"  # the heading of the front page, whose own is on the title page
MARK = "<!-- pdf -->"  # where the front page has its link to the PDF
LINK = """\
<p>To print, or to take along: <a href="{name}">the whole book as one PDF</a>
({pages} pages, {size:.0f} MB).</p>"""
# What a page has for a screen only: folded code, links of a heading to itself, lists of links.
FOR_SCREENS = (
    "details.above-input, details.second-reading > summary, a.headerlink, script, button, "
    "nav.contents, .vae-panel .live"
)
# Tags that change nothing on paper. Each would be a node of the PDF, for who listens to it.
NEEDLESS = (
    "details.second-reading, a.toc-backref, code span.pre, "
    "pre :is(span.n, span.nn, span.p, span.w, span:empty)"
)
HEAD = """\
<meta charset="utf-8"><title>{title}</title><meta name="author" content="{author}">
{styles}<style>{running_heads}</style>
{scripts}
"""
TITLE_PAGE = """\
<section class="title-page"><img src="_static/favicon.svg" alt="">
<h1>{title}</h1>
<p class="author">{author}</p>
<p>The code that draws the figures, and that tests the exercises, is folded on the book's pages, and
left out here. It is in the notebooks. Each exercise is followed by its solution.</p>
<p>Every number and every figure came out when this copy was built.</p>
</section>
"""
BOOK = '<!DOCTYPE html><html lang="en" data-theme="light"><head>{}</head><body class="whole-book">'
HOST = "http://book.invalid/"  # no server: Chromium's requests are answered from the folder
READY = "() => MathJax.startup.promise.then(() => document.fonts.ready).then(() => true)"


def anchor(page: str, fragment: str = "") -> str:
    """Return the one name that a place of a page has in the whole book."""
    return "--".join(filter(None, [page.replace("/", "-"), fragment]))


def link(address: str, page: str, pages: list[str]) -> str | None:
    """Return an address on a page as one in the whole book; None if it leads out of the text."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), parts.path))
    name = path.removesuffix(".html") if parts.path else page
    return f"#{anchor(name, parts.fragment)}" if name in pages else None


def article(soup: BeautifulSoup, page: str, pages: list[str]) -> Tag:
    """Return the text of one page, with the names that its places have in the whole book."""
    text: Tag = soup.select_one("article.bd-article")
    for tag in text.select(FOR_SCREENS):
        tag.decompose()
    for tag in text.select(NEEDLESS):
        tag.unwrap()
    for tag in text.find_all(id=True):
        tag["id"] = anchor(page, tag["id"])
    for tag in text.select("img[src]:not([src^='data:'])"):
        tag["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(page), tag["src"]))
        del tag["loading"]  # a lazy image below the window's edge would be missing
    for tag in text.find_all("a", href=True):
        del tag["title"]
        if address := link(tag["href"], page, pages):
            tag["href"] = address
        else:
            tag.unwrap()
    text["id"], text["style"] = anchor(page), f"page: {anchor(page)}"
    return text


def contents(articles: list[Tag], numbers: dict[str, int]) -> str:
    """Return the table of contents: chapters and their sections, with the numbers of pages."""
    lines = []
    for text in articles:
        for heading in text.find_all(["h1", "h2"]):
            kind, place = ("chapter", text) if heading.name == "h1" else ("section", heading.parent)
            title, number = heading.decode_contents(), numbers.get(place["id"], "")
            entry = f'<a href="#{place["id"]}">{title}</a><span>{number}</span>'
            lines.append(f'<li class="{kind}">{entry}</li>')
    return f'<nav class="book-contents"><h1>Contents</h1><ul>{"".join(lines)}</ul></nav>'


def running_head(text: Tag) -> str:
    """Return the style rule that puts the title of a page above each sheet of it."""
    title = json.dumps(text.h1.text).replace("<", "\\3c ")  # which would end the style sheet
    return f"@page {text['id']} {{ @top-left {{ content: {title} }} }}"


def read_pages(html: Path, source: Path) -> tuple[str, list[Tag]]:
    """Return the head of the whole book and its title page, and the text of each page."""
    pages = pages_of(source)
    soups = [
        BeautifulSoup((html / f"{page}.html").read_text("utf-8"), "html.parser") for page in pages
    ]
    texts = [article(soup, page, pages) for soup, page in zip(soups, pages, strict=True)]
    texts[0].h1.string = FRONT
    config = yaml.safe_load((source / "_config.yml").read_text("utf-8"))
    names = {"title": escape(config["title"]), "author": escape(config["author"])}
    scripts = [tag for tag in soups[0].select("head script") if "mathjax" in str(tag).lower()]
    head = HEAD.format(
        **names,
        styles="".join(map(str, soups[0].select("head link[rel=stylesheet]"))),
        scripts="".join(map(str, scripts)),
        running_heads="\n".join(map(running_head, texts)),
    )
    return BOOK.format(head) + TITLE_PAGE.format(**names), texts


def page_numbers(pdf: bytes) -> dict[str, int]:
    """Return the page on which each target of a link is."""
    reader = PdfReader(io.BytesIO(pdf))
    places = reader.named_destinations.items()
    numbers = {name: reader.get_destination_page_number(place) for name, place in places}
    # Chromium's are names, which PDF writes with a slash.
    return {name.removeprefix("/"): k + 1 for name, k in numbers.items() if k is not None}


def printed(page: Page, html: Path, document: str) -> bytes:
    """Print a document whose pictures, styles and scripts are in the folder of the pages."""

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path.lstrip("/")
        if path:
            route.fulfill(path=html / path)
        else:
            route.fulfill(body=document, content_type="text/html; charset=utf-8")

    page.route(f"{HOST}**", answer)
    page.goto(HOST)
    page.evaluate(READY)
    return page.pdf(outline=True, tagged=True, print_background=True, prefer_css_page_size=True)


def print_book(html: Path, source: Path) -> bytes:
    """Print the book twice: the first time to learn on which page each heading is."""
    start, texts = read_pages(html, source)
    body = "".join(map(str, texts))
    with launched() as browser:
        page = browser.new_page()
        page.emulate_media(media="print", color_scheme="light")
        numbers: dict[str, int] = {}
        for _ in range(2):
            document = f"{start}{contents(texts, numbers)}{body}"
            pdf = printed(page, html, with_policy(document))
            numbers = page_numbers(pdf)
    return pdf


def add_pdf(html: Path, source: Path) -> None:
    """Put the PDF into the folder of the pages, and a link to it on the front page.

    Raises:
        BookError: there is no Chromium, or it did not print.
    """
    index = html / "index.html"
    front = index.read_text("utf-8")
    if MARK not in front:
        print("Nothing to print: the PDF is fresh.")
        return
    if find_browser() is None:
        raise BookError(f"there is no PDF: {REMEDY}")
    say("Printing the book …")
    try:
        pdf = print_book(html, source)
    except Error as error:
        raise BookError(f"Chromium printed no PDF: {error.message.splitlines()[0]}") from error
    write_bytes(html / NAME, pdf)
    pages = len(PdfReader(io.BytesIO(pdf)).pages)
    text = LINK.format(name=NAME, pages=pages, size=len(pdf) / 1e6)
    write_text(index, front.replace(MARK, text))  # last: it says that the PDF is whole
