"""The PDF of the whole book, as Chromium printed it: all there, nothing blank, links that lead."""

import io
import re
from itertools import chain

import pytest
from pypdf import PdfReader

from tests.book.chapters import CHAPTERS
from tests.helpers import ROOT
from tools.browser import REMEDY, find_browser
from tools.pdf import NAME, page_numbers

BOOK = ROOT / "_build/html"
TITLES = [re.search(r"(?m)^# (.+)", path.read_text("utf-8"))[1] for path in CHAPTERS]
NUMBERED = [f"{int(path.stem[:2])}. {title}" for path, title in zip(CHAPTERS, TITLES, strict=True)]


@pytest.fixture(scope="module")
def pdf():
    if find_browser() is None:
        pytest.skip(REMEDY)
    return (BOOK / NAME).read_bytes()


@pytest.fixture(scope="module")
def book(pdf):
    return PdfReader(io.BytesIO(pdf))


def test_it_is_a_whole_book_and_no_page_of_it_is_blank(book):
    assert len(book.pages) > 100
    drawn = [page.get_contents().get_data() for page in book.pages[1:]]
    shown = [len(re.findall(rb"\bT[jJ]\b", each)) for each in drawn]  # PDF's "show this text"
    assert min(shown) > 2  # more than the running head and the number of the page


def flat(outline):
    """The bookmarks of all levels, in order."""
    for each in outline:
        yield from flat(each) if isinstance(each, list) else [each]


def test_the_bookmarks_have_every_chapter_in_order(book):
    titles = [each.title for each in flat(book.outline)]
    found = [title for title in titles if re.sub(r"^\d+\. ", "", title) in TITLES]
    assert found == NUMBERED


def test_each_chapter_begins_on_the_page_that_its_link_leads_to(book, pdf):
    """And its text can be searched."""
    numbers = page_numbers(pdf)
    places = [f"chapters-{path.stem}" for path in CHAPTERS]
    for place, title in zip(places, NUMBERED, strict=True):
        text = book.pages[numbers[place] - 1].extract_text()
        assert title in " ".join(text.split())


def test_text_can_be_searched_and_fonts_come_along(book):
    used = [page["/Resources"]["/Font"].values() for page in book.pages]
    fonts = {each.idnum: each.get_object() for each in chain.from_iterable(used)}.values()
    text = [font for font in fonts if font["/Subtype"] == "/Type0"]
    formulas = [font for font in fonts if font["/Subtype"] == "/Type3"]  # glyphs drawn in the PDF
    assert text
    assert formulas
    assert all("/ToUnicode" in font for font in [*text, *formulas])
    described = [font["/DescendantFonts"][0]["/FontDescriptor"] for font in text]
    assert all({"/FontFile", "/FontFile2", "/FontFile3"} & each.keys() for each in described)


def test_links_within_the_book_lead_to_a_page_of_it(book, pdf):
    links = [link.get_object() for page in book.pages for link in page.annotations or []]
    targets = {link["/Dest"].removeprefix("/") for link in links if "/Dest" in link}
    assert len(targets) > 200
    assert targets <= set(page_numbers(pdf))


def test_the_front_page_links_to_it_with_its_length(book):
    text = (BOOK / "index.html").read_text("utf-8")
    pages = len(book.pages)
    assert re.search(rf'<a href="{NAME}">[^<]*</a>\s*\({pages} pages, \d+ MB\)', text)
