"""Each kind of fault that a page can have is found, and a clean page passes."""

import pytest

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
    return check_html.faults(book, book.parent / "_toc.yml")


def test_a_book_without_a_fault_passes(book):
    assert faults(book) == []


def test_a_missing_page_is_found(book):
    (book / "chapters/01-one.html").unlink()
    assert "chapters/01-one.html: named in _toc.yml, but not built" in faults(book)


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<div class="output traceback">Error</div>', "shows a traceback"),
        ('<div class="output">Traceback (most recent call last)</div>', "prints a traceback"),
        ('<div class="output stderr">hm</div>', "shows what a cell wrote to stderr"),
        ('<img src="_static/one.png">', "image without alt text: _static/one.png"),
        ('<img src="_static/one.png" alt=" ">', "image without alt text: _static/one.png"),
        ('<img src="_static/one.png" alt="_static/one.png">', "alt text is a file name"),
        ('<script src="https://example.org/a.js"></script>', "fetches from another host: https"),
        ('<script src="//example.org/a.js"></script>', "fetches from another host: //"),
        ('<link rel="stylesheet" href="https://example.org/a.css">', "fetches from another host"),
        ('<link rel="icon" href="https://example.org/a.ico">', "fetches from another host"),
        ('<link rel="preload" href="https://example.org/a.woff">', "fetches from another host"),
        ('<img src="https://example.org/a.png" alt="A">', "fetches from another host"),
        ('<img srcset="https://example.org/a.png 2x" alt="A">', "fetches from another host"),
        ('<iframe src="https://example.org/"></iframe>', "fetches from another host"),
        ('<style>@import "https://example.org/a.css";</style>', "fetches from another host"),
        ('<p style="background: url(https://example.org/a.png)">', "fetches from another host"),
        ('<script>import "https://example.org/a.js"</script>', "a script fetches from another"),
        ('<script>import a from "https://example.org/a.js"</script>', "a script fetches from"),
        ("<script>await import('https://example.org/a.js')</script>", "a script fetches from"),
        ('<script>fetch("https://example.org/")</script>', "a script fetches from another host"),
        ('<script>tag.src = "https://example.org/"</script>', "a script fetches from another host"),
        ('<a href="no.html">x</a>', "leads nowhere: no.html"),
        ('<a href="../outside.html">x</a>', "leads nowhere: ../outside.html"),
        ('<img src="no.png" alt="A">', "leads nowhere: no.png"),
        ('<script src="no.js"></script>', "leads nowhere: no.js"),
        ('<a href="#no">x</a>', "leads to no such place on the page: #no"),
        ('<a href="chapters/01-one.html#no">x</a>', "leads to no such place on the page: chapters"),
    ],
)
def test_a_fault_of_a_page_is_found_and_named(book, html, fault):
    (book / "index.html").write_text(PAGE.replace("HERE", html))
    (book.parent / "outside.html").touch()
    (found,) = faults(book)
    assert found.startswith(f"index.html: {fault}")


@pytest.mark.parametrize(
    ("css", "fault"),
    [
        ('@import "https://example.org/a.css";', "fetches from another host: https"),
        ("p { background: url(//example.org/a.png) }", "fetches from another host: //"),
        ("p { background: url(no.png) }", "leads nowhere: no.png"),
    ],
)
def test_a_fault_of_a_style_sheet_is_found_and_named(book, css, fault):
    (book / "_static/book.css").write_text(css)
    (found,) = faults(book)
    assert found.startswith(f"_static/book.css: {fault}")
