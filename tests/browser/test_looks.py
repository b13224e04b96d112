"""How a page looks: formulas that fit, figures in the dark, what is folded, and icons alike."""

import io

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.browser.built_book import BOOK, PAGES
from tests.browser.hands import CHAPTER, begin, part, picture, set_slider

# Of each displayed formula, whether it is cut, and whether the page says so.
CUT = """all => all.map((formula) => [
  formula.scrollWidth > formula.clientWidth + 1,
  formula.classList.contains("has-more") && formula.tabIndex === 0])"""
FORMULAS = "article div.math mjx-container"
# Lines that begin with what belongs to the formula before: the text behind a formula starts lower.
TORN = """() => [...document.querySelectorAll("article .unbroken")].filter((box) => {
  const range = document.createRange();
  range.selectNodeContents(box);
  const [first, ...others] = [...range.getClientRects()];
  return others.some((each) => each.top > first.bottom);
}).map((box) => box.textContent)"""
WIDE_INLINE = """() => [...document.querySelectorAll("article span.math mjx-container")]
  .filter((formula) => !formula.closest("table, details:not([open])"))
  .filter((formula) => formula.getBoundingClientRect().right >
    document.querySelector("article").getBoundingClientRect().right + 1)
  .map((formula) => formula.parentElement.textContent)"""


def test_on_a_desk_every_formula_is_seen_whole(visit, name):
    cut = visit(name).locator(FORMULAS).evaluate_all(CUT)
    assert cut == [[False, False]] * len(cut)


def test_on_a_phone_a_formula_that_is_cut_says_so(visit, name):
    page = visit(name, width=360)
    cut = page.locator(FORMULAS).evaluate_all(CUT)
    assert [is_cut for is_cut, _ in cut] == [is_marked for _, is_marked in cut]
    assert page.evaluate(WIDE_INLINE) == []
    assert page.evaluate(TORN) == []


def test_a_formula_follows_the_width_of_the_window(visit):
    page = visit("chapters/05-loss")
    formula = page.locator(FORMULAS).nth(1)
    wide = formula.evaluate("formula => formula.style.fontSize")
    page.set_viewport_size({"width": 360, "height": 900})
    page.wait_for_function(
        "([formula, size]) => formula.style.fontSize !== size",
        arg=[formula.element_handle(), wide],
    )
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_function(
        "([formula, size]) => formula.style.fontSize === size",
        arg=[formula.element_handle(), wide],
    )


def test_a_scrolled_formula_loses_its_mark_at_its_end(visit):
    page = visit("chapters/05-loss", width=360)
    formula = page.locator(f"{FORMULAS}.has-more").first.element_handle()
    formula.evaluate("formula => formula.scrollTo(formula.scrollWidth, 0)")
    page.wait_for_function("formula => !formula.classList.contains('has-more')", arg=formula)


def test_on_a_phone_a_wide_figure_scrolls_and_says_so(visit):
    page = visit("chapters/01-theory", width=360)
    wide = page.locator("article .wide").first
    wide.scroll_into_view_if_needed()
    assert wide.locator("img").bounding_box()["width"] > 500
    page.wait_for_function("w => w.classList.contains('has-more')", arg=wide.element_handle())
    page.set_viewport_size({"width": 1280, "height": 900})
    assert wide.evaluate("w => w.scrollWidth <= w.clientWidth")


def levels(image):
    """The gray levels of a screenshot, (height, width)."""
    return np.asarray(Image.open(io.BytesIO(image)).convert("L")).astype(float)


def test_a_figure_is_light_on_dark_in_the_dark(visit):
    def shot(theme):
        image = visit("chapters/01-theory", theme=theme).locator("article img").first
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
        return levels(image.screenshot())

    light, dark = shot("light"), shot("dark")
    assert np.median(light) > 240
    assert np.median(dark) < 30
    assert light.min() < 60
    assert dark.max() > 190


def test_the_icons_of_the_header_are_of_one_size(visit):
    page = visit("index")
    icons = page.locator(".article-header-buttons :is(i, span)[class*=fa-]:visible")
    sizes = icons.evaluate_all("all => all.map(icon => getComputedStyle(icon).fontSize)")
    assert len(sizes) >= 3
    assert len(set(sizes)) == 1


@pytest.fixture(scope="module")
def folded():
    """A page with a folded section, and a place in it."""
    for name in PAGES:
        page = BeautifulSoup((BOOK / f"{name}.html").read_text("utf-8"), "html.parser")
        if figure := page.select_one("details.second-reading figure[id^=fig-]"):
            return name, figure["id"].removeprefix("fig-")
    raise AssertionError("no page has a folded section with a figure")


def test_what_can_wait_is_folded_and_opens_on_a_click_and_for_a_link(visit, folded):
    name, figure = folded
    page = visit(name)
    fold = page.locator("details.second-reading", has=page.locator(f"#fig-{figure}"))
    assert not fold.locator("p").first.is_visible()
    fold.locator("summary").first.click()
    assert fold.locator("p").first.is_visible()
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
    page.evaluate(f"location.hash = '#fig-{figure}'")
    page.locator(f"#fig-{figure}").wait_for()


def test_what_is_folded_is_printed(visit, folded):
    page = visit(folded[0])
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.second-reading:not([open])").count() == 0


def test_the_map_is_seen_beside_the_drawing(visit):
    page = begin(visit(CHAPTER))
    copy = part(page, "map-copy")
    copy.scroll_into_view_if_needed()
    before = picture(copy)
    assert before.shape == picture(part(page, "pad")).shape
    assert np.array_equal(before, picture(part(page, "pad")))
    set_slider(page, "z1", 2)
    assert not np.array_equal(picture(copy), before)


def test_on_a_phone_the_drawing_is_in_the_middle(visit):
    page = begin(visit(CHAPTER, width=360))
    box = page.locator("canvas.drawing").first.bounding_box()
    assert abs(box["x"] + box["width"] / 2 - 180) < 4
