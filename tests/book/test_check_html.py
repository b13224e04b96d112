"""Each kind of fault that a page can have is found, and a clean page passes."""

import pytest

from tests.helpers import assert_says, mentions
from tools import check_html

PAGE = """\
<html lang="en">
  <head>
    <link rel="stylesheet" href="_static/book.css?v=1" />
    <link rel="canonical" href="https://example.org/index.html" />
    <meta property="og:url" content="https://example.org/" />
    <script src="_static/book.js"></script>
    <script>const other = "https://example.org/only-on-a-click.js";</script>
    <style>p { background: url("_static/one.png") }</style>
  </head>
  <body>
    <h1 id="top">A page</h1>
    <a href="https://example.org/">elsewhere</a> <a href="mailto:a@example.org">mail</a>
    <a href="#top">up</a> <a href="#">nowhere in particular</a>
    <a href="chapters/01-one.html#eq-a">an equation</a> <a href="search.html?q=x">search</a>
    <img src="_static/one.png" alt="A curve that falls" />
    <img src="data:image/png;base64,AAAA" alt="A dot" />
    <div class="cell_output"><div class="output stream">✓ one = one</div></div>
    HERE
  </body>
</html>
"""


@pytest.fixture
def book(tmp_path):
    """A small book without a fault, and its table of contents."""
    html = tmp_path / "html"
    for folder in ("_static", "chapters"):
        (html / folder).mkdir(parents=True)
    (html / "index.html").write_text(PAGE.replace("HERE", ""))
    (html / "search.html").write_text("<p>Search</p>")
    (html / "chapters/01-one.html").write_text('<p id="eq-a">a</p><a href="../index.html">home</a>')
    (html / "_static/book.css").write_text('p { background: url("one.png") } a { color: red }')
    (html / "_static/macros.html").write_text('<script src="{{ a template }}"></script>')
    for name in ("book.js", "one.png"):
        (html / "_static" / name).touch()
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nchapters:\n- file: chapters/01-one\n"
    )
    return html


def faults(book):
    return check_html.faults(book, book.parent)


def test_a_book_without_a_fault_passes(book):
    assert faults(book) == []


def test_a_missing_page_is_found(book):
    (book / "chapters/01-one.html").unlink()
    assert any(mentions(fault, "chapters/01-one.html", "_toc.yml") for fault in faults(book))


ELSEWHERE = ("https://example.org/a.js", "//example.org/a.js")
FETCHES = [
    '<script src="THERE"></script>',
    '<link rel="stylesheet" href="THERE">',
    '<link rel="icon" href="THERE">',
    '<link rel="preload" href="THERE">',
    '<img src="THERE" alt="A">',
    '<img srcset="THERE 2x" alt="A">',
    '<iframe src="THERE"></iframe>',
    '<style>@import "THERE";</style>',
    '<p style="background: url(THERE)">',
]
SCRIPTS = [
    '<script>import "THERE"</script>',
    '<script>import a from "THERE"</script>',
    "<script>await import('THERE')</script>",
    '<script>fetch("THERE")</script>',
    '<script>tag.src = "THERE"</script>',
]


@pytest.mark.parametrize(
    ("html", "parts"),
    [
        ('<div class="output traceback">Error</div>', ["traceback"]),
        ('<div class="output">Traceback (most recent call last)</div>', ["traceback"]),
        ('<div class="output stderr">hm</div>', ["stderr"]),
        ('<img src="_static/one.png">', ["alt", "_static/one.png"]),
        ('<img src="_static/one.png" alt=" ">', ["alt", "_static/one.png"]),
        ('<img src="_static/one.png" alt="one.png">', ["alt", "file name", "one.png"]),
        *[(tag.replace("THERE", a), ["another host", a]) for tag in FETCHES for a in ELSEWHERE],
        *[
            (tag.replace("THERE", a), ["script", "another host", a])
            for tag in SCRIPTS
            for a in ELSEWHERE
        ],
        ('<a href="no.html">x</a>', ["nowhere", "no.html"]),
        ('<a href="../outside.html">x</a>', ["nowhere", "../outside.html"]),
        ('<img src="no.png" alt="A">', ["nowhere", "no.png"]),
        ('<script src="no.js"></script>', ["nowhere", "no.js"]),
        ('<a href="#no">x</a>', ["no such place", "#no"]),
        ('<a href="chapters/01-one.html#no">x</a>', ["no such place", "chapters/01-one.html#no"]),
    ],
)
def test_a_fault_of_a_page_is_found_and_named(book, html, parts):
    (book / "index.html").write_text(PAGE.replace("HERE", html))
    (book.parent / "outside.html").touch()
    (found,) = faults(book)
    assert_says(found, "index.html", *parts)


@pytest.mark.parametrize(
    ("css", "parts"),
    [
        ('@import "https://example.org/a.css";', ["another host", "https://example.org/a.css"]),
        ("p { background: url(//example.org/a.png) }", ["another host", "//example.org/a.png"]),
        ("p { background: url(no.png) }", ["nowhere", "no.png"]),
    ],
)
def test_a_fault_of_a_style_sheet_is_found_and_named(book, css, parts):
    (book / "_static/book.css").write_text(css)
    (found,) = faults(book)
    assert_says(found, "_static/book.css", *parts)


def remembered(book):
    """Look again, with what was found before."""
    return check_html.faults(book, book.parent, book.parent / "pages.json")


def test_only_a_page_that_changed_is_parsed_again(book, monkeypatch):
    looked, parse = [], check_html.page_of
    monkeypatch.setattr(check_html, "page_of", lambda text: looked.append(text) or parse(text))
    (book / "index.html").write_text(PAGE.replace("HERE", '<img src="_static/one.png">'))
    before = remembered(book)
    assert len(looked) == 3
    assert len(before) == 1
    (book / "search.html").write_text("<p>Search here</p>")
    assert remembered(book) == before  # the fault of a page that is as it was is not forgotten
    assert looked[3:] == ["<p>Search here</p>"]


def test_a_page_that_is_as_it_was_leads_nowhere_once_its_target_is_gone(book):
    assert remembered(book) == []
    (book / "chapters/01-one.html").write_text('<p id="eq-b">b</p>')
    assert [mentions(fault, "index.html", "eq-a") for fault in remembered(book)] == [True]
