"""What a page says about itself to a search engine or a card, and the page for wrong addresses."""

import io
import sys
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from PIL import Image

from tests.helpers import ROOT
from tools import card


@pytest.fixture
def publishing(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "_ext")
    monkeypatch.delitem(sys.modules, "publishing", raising=False)
    import publishing

    return publishing


def page(text):
    """A page of one section, as Sphinx parses it: the title is in the section."""
    doctree = publish_doctree(
        f"Title\n=====\n\n{text}", settings_overrides={"doctitle_xform": False}
    )
    assert isinstance(doctree[0], nodes.section)
    return doctree


LONG = " ".join(["word"] * 50)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why is that?\n\nFor a *good* reason. Or two.", "Why is that? For a good reason. Or two."),
        (f"Why is that?\n\n{LONG}.", "Why is that?"),
        (f"{LONG}.\n\nMore.", f"{LONG}."),
        ("One. Two is :math:`x`. Three.", "One."),
        (":math:`x` is first.", ""),
        (".. note:: Not this.\n\nBut this.", "But this."),
        ("- Not this.\n\nBut\nthis.", "But this."),
    ],
)
def test_a_description_is_whole_sentences_of_prose_before_the_first_formula(
    publishing, text, expected
):
    assert publishing.description(page(text)) == expected


def context():
    return {
        "pathto": lambda name, resource: f"../{name}",
        "meta": None,
        "header_buttons": [{"label": "launch-buttons"}, {"label": "download-buttons"}],
    }


def app(tmp_path, home=""):
    titles = {"chapters/02-two": nodes.title("", "Two & more"), "glossary": nodes.title("", "G")}
    config = SimpleNamespace(
        root_doc="index",
        book_description='A "book".',
        pages_of_a_clone={"chapters/benchmark": ["bench/*"]},
        html_baseurl=home,
        html_title="The book",
    )
    builder, env = SimpleNamespace(format="html"), SimpleNamespace(titles=titles)
    return SimpleNamespace(config=config, builder=builder, env=env, outdir=tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("index", "Its own words.", "A &quot;book&quot;."),
        ("chapters/01-one", "Its own words.", "Its own words."),
        ("bibliography", "", "A &quot;book&quot;."),
    ],
)
def test_head_and_card_of_a_page_say_the_same(publishing, tmp_path, name, text, expected):
    made = context()
    publishing.describe(app(tmp_path), name, "page.html", made, page(text or ".. note:: x"))
    assert f'<meta name="description" content="{expected}" />' in made["metatags"]
    assert made["meta"]["og:description"] == expected
    assert made["metatags"].count("../_static/") == 2


def test_a_page_without_text_of_its_own_has_icons_only(publishing, tmp_path):
    made = context()
    publishing.describe(app(tmp_path), "search", "search.html", made, None)
    assert "favicon.png" in made["metatags"]
    assert "description" not in made["metatags"]


@pytest.mark.parametrize(("name", "left"), [("chapters/benchmark", 1), ("chapters/01-one", 2)])
def test_a_page_that_needs_a_clone_has_no_launch_button(publishing, tmp_path, name, left):
    made = context()
    publishing.keep_in_clone(app(tmp_path), name, "page.html", made, None)
    assert len(made["header_buttons"]) == left
    assert {"label": "download-buttons"} in made["header_buttons"]


@pytest.mark.parametrize("home", ["", "https://ada.github.io/vae-book/"])
def test_the_page_for_wrong_addresses_leads_home_at_any_depth(publishing, tmp_path, home):
    publishing.write_404(app(tmp_path, home), None)
    text = (tmp_path / "404.html").read_text("utf-8")
    assert f'<a href="{home}index.html">' in text
    assert f'<form action="{home}search.html"' in text
    assert f'<a href="{home}chapters/02-two.html">Two &amp; more</a>' in text
    assert "glossary" not in text
    assert "$" not in text


def test_a_failed_build_writes_no_page_for_wrong_addresses(publishing, tmp_path):
    publishing.write_404(app(tmp_path), ValueError("planted"))
    assert not (tmp_path / "404.html").exists()


def test_the_card_has_the_size_that_is_asked_for_with_the_picture_at_its_right():
    stream = io.BytesIO()
    Image.new("RGBA", (40, 40), "red").save(stream, "PNG")
    with Image.open(io.BytesIO(card.drawn(stream.getvalue()))) as made:
        assert made.size == (1200, 630)
        assert made.getpixel((1190, 315)) == (255, 0, 0)
        assert made.getpixel((10, 10)) == (255, 255, 255)
        assert made.crop((0, 0, 560, 630)).getcolors(1 << 16)[1:]  # there is a title
