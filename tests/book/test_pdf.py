"""Pages as parts of one book, and what a PDF says about its pages; the book has its own test."""

import io

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader, PdfWriter

from tests.helpers import ROOT, assert_says, refused
from tools import pdf
from tools.browser import REMEDY, find_browser, launched
from tools.chapters import BookError

PAGES = ["index", "chapters/01-one", "chapters/02-two"]


@pytest.mark.parametrize(
    ("on", "address", "expected"),
    [
        ("chapters/01-one", "#here", "#chapters-01-one--here"),
        ("chapters/01-one", "02-two.html", "#chapters-02-two"),
        ("chapters/01-one", "02-two.html#there", "#chapters-02-two--there"),
        ("chapters/01-one", "../index.html", "#index"),
        ("index", "chapters/02-two.html#there", "#chapters-02-two--there"),
        ("index", "https://example.org/a.html#b", "https://example.org/a.html#b"),
        ("index", "search.html", None),
    ],
)
def test_a_link_leads_to_the_same_place_in_the_whole_book(on, address, expected):
    assert pdf.link(address, on, PAGES) == expected


PAGE = """\
<main><article class="bd-article">
  <section id="one"><h1>1. One<a class="headerlink" href="#one">#</a></h1>
  <a class="term" title="Hidden." href="02-two.html#x">term</a> <a href="../search.html">search</a>
  <div class="cell"><details class="above-input"><pre>folded()</pre></details>
  <img loading="lazy" src="../_images/a.webp"></div>
  <div class="dropdown solution">The solution</div>
  <pre><span class="n">x</span> <span class="c1"># why</span></pre><script>run()</script>
  <button>Copy</button></section>
</article></main>
"""


@pytest.fixture
def text():
    return pdf.article(BeautifulSoup(PAGE, "html.parser"), "chapters/01-one", PAGES)


def test_folded_code_buttons_and_hidden_definitions_are_left_out(text):
    assert "folded" not in text.text
    assert "run()" not in text.text
    assert text.h1.text == "1. One"
    assert text.button is None
    assert not text.select("[title]")


def test_solutions_code_and_its_colored_comments_stay(text):
    assert "The solution" in text.text
    assert str(text.pre) == '<pre>x <span class="c1"># why</span></pre>'


def test_pictures_do_not_wait_and_links_that_lead_out_are_words(text):
    assert dict(text.img.attrs) == {"src": "_images/a.webp"}
    assert [a["href"] for a in text.find_all("a")] == ["#chapters-02-two--x"]
    assert text.section["id"] == "chapters-01-one--one"


def test_contents_name_chapters_and_sections_with_their_pages(text):
    text.section.append(BeautifulSoup('<section id="s"><h2>1.1. Why</h2></section>', "html.parser"))
    listed = BeautifulSoup(pdf.contents([text], {text["id"]: 7, "s": 9}), "html.parser")
    lines = [(li["class"], li.a["href"], li.a.text, li.span.text) for li in listed.find_all("li")]
    assert lines == [
        (["chapter"], "#chapters-01-one", "1. One", "7"),
        (["section"], "#s", "1.1. Why", "9"),
    ]


SHEETS = """\
<!DOCTYPE html><meta charset="utf-8"><title>Sheets</title>
<script>MathJax = {startup: {promise: Promise.resolve()}}</script>
<style>section { break-before: page }</style>
<a href="#one">1</a> <a href="#one--why-(not)">2</a> <a href="#two">3</a>
<section id="one"><h1>One</h1></section><section>Between</section>
<section><h2 id="one--why-(not)">Why (not)</h2></section><section id="two"><h1>Two</h1></section>
"""


@pytest.mark.slow
def test_the_page_of_each_heading_is_read_from_what_chromium_prints(tmp_path):
    if find_browser() is None:
        pytest.skip(REMEDY)
    with launched() as browser:
        content = pdf.printed(browser.new_page(), tmp_path, SHEETS)
    texts = [page.extract_text().strip() for page in PdfReader(io.BytesIO(content)).pages]
    assert texts == ["1 2 3", "One", "Between", "Why (not)", "Two"]
    assert pdf.page_numbers(content) == {"one": 2, "one--why-(not)": 4, "two": 5}


def test_without_a_browser_the_pages_stay_as_they_are_and_one_sentence_says_why(
    tmp_path, monkeypatch
):
    (tmp_path / "index.html").write_text(pdf.MARK)
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    with refused(BookError, "no PDF", "chromium"):
        pdf.add_pdf(tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == pdf.MARK


def test_a_book_is_printed_once(tmp_path, monkeypatch, capsys):
    (tmp_path / pdf.NAME).write_text("printed")
    (tmp_path / "index.html").write_text("a link to it")
    monkeypatch.setattr(pdf, "print_book", lambda html, source: pytest.fail("printed again"))
    pdf.add_pdf(tmp_path, tmp_path)
    assert_says(capsys.readouterr().out, "fresh")


def blank(pages):
    """A PDF of so many pages."""
    writer, content = PdfWriter(), io.BytesIO()
    for _ in range(pages):
        writer.add_blank_page(width=595, height=842)
    writer.write(content)
    return content.getvalue()


def test_the_front_page_links_to_the_pdf_and_says_how_large_it_is(tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text(f"<p>a</p>{pdf.MARK}<p>b</p>")
    content = blank(pages=3).ljust(3_400_000)
    monkeypatch.setattr(pdf, "find_browser", lambda: "chromium")
    monkeypatch.setattr(pdf, "print_book", lambda html, source: content)
    pdf.add_pdf(tmp_path, tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert f'<a href="{pdf.NAME}">' in page
    assert "(3 pages, 3 MB)" in page
    assert (tmp_path / pdf.NAME).read_bytes() == content


def test_the_front_page_has_the_mark():
    assert (ROOT / "index.md").read_text("utf-8").count(pdf.MARK) == 1
