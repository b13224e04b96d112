"""The PDF of the whole book, as Chromium printed it: all there, nothing blank, links that lead."""

import re
import zlib

import pytest

from tests.support import ROOT
from tools.browser import REMEDY, find_browser
from tools.pdf import NAME, page_numbers

BOOK = ROOT / "_build/html"
CHAPTERS = [
    "Theory: why latent variables",
    "Encoder: from an image to a distribution",
    "Decoder: from a latent vector to a likelihood",
    "Reparameterization: a gradient through a random draw",
    "Loss: the bound and its two parts",
    "Training: from random weights to digits",
    "The latent space: what the model has learned",
    "Evaluation: a case where the truth is known",
]


@pytest.fixture(scope="module")
def pdf():
    if find_browser() is None:
        pytest.skip(REMEDY)
    return (BOOK / NAME).read_bytes()


@pytest.fixture(scope="module")
def objects(pdf):
    """The parts of a PDF by their numbers."""
    return dict(re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL))


@pytest.fixture(scope="module")
def sheets(objects):
    """What is drawn on each page, in PDF's own language."""

    def drawn(sheet):
        stream = objects[re.search(rb"/Contents (\d+) 0 R", sheet)[1]]
        return zlib.decompress(stream.partition(b"stream\n")[2])

    return [drawn(each) for each in objects.values() if each.startswith(b"<</Type /Page\n")]


def test_it_is_a_whole_book_and_no_page_of_it_is_blank(sheets):
    assert len(sheets) > 100
    shown = [len(re.findall(rb"\bT[jJ]\b", sheet)) for sheet in sheets[1:]]
    assert min(shown) > 2  # more than the running head and the number of the page


def test_the_bookmarks_have_every_chapter_in_order(objects):
    bookmarks = [each for each in objects.values() if each.startswith(b"<</Title (")]
    titles = [re.search(rb"\((.*?)\)\n", each)[1].decode("latin-1") for each in bookmarks]
    found = [title for title in titles if re.sub(r"^\d\. ", "", title) in CHAPTERS]
    assert found == [f"{k}. {title}" for k, title in enumerate(CHAPTERS, 1)]


def test_text_can_be_searched_and_fonts_come_along(objects):
    fonts = [each for each in objects.values() if each.startswith(b"<</Type /Font\n")]
    text = [font for font in fonts if b"/Subtype /Type0" in font]
    formulas = [font for font in fonts if b"/Subtype /Type3" in font]  # glyphs drawn in the PDF
    files = [each for each in objects.values() if b"/FontFile" in each]
    assert text
    assert formulas
    assert all(b"/ToUnicode" in font for font in [*text, *formulas])
    assert len(files) == len(text)


def test_links_within_the_book_lead_to_a_page_of_it(pdf):
    targets = set(re.findall(rb"/Dest /(\S+)", pdf))
    numbers = page_numbers(pdf)
    assert len(targets) > 200
    assert {target.decode() for target in targets} <= set(numbers)


def test_the_front_page_links_to_it_with_its_length(sheets):
    text = (BOOK / "index.html").read_text("utf-8")
    assert re.search(rf'<a href="{NAME}">[^<]*</a>\s*\({len(sheets)} pages, \d+ MB\)', text)
