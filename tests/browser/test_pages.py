"""Every page opens without a fault, in both themes and on a small phone."""

from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe

# What axe-core finds and the theme owns: (rule, selector), with the reason. Nothing at present.
OWNED_BY_THE_THEME: set[tuple[str, str]] = set()
AXE = {"resultTypes": ["violations"], "preload": False}  # it would ask for style sheets again
COLORS = {"runOnly": ["color-contrast"]}
WIDTHS = {"runOnly": ["scrollable-region-focusable", "target-size", "meta-viewport"]}
# A panel's still goes when the panel is near, and starts.
PICTURES = "article img:visible:not(.vae-panel img)"
VAGUE = {"here", "click here", "this", "link", "more", "read more", "page"}
WIDER = """() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((e) => `${e.tagName}.${e.className}`).slice(0, 5)"""

ICONS = """all => all.map((icon) => {
  const style = getComputedStyle(icon, "::before");
  return style.content !== "none" && style.fontFamily.includes("Book icons")
})"""


def barriers(page, only):
    """Return what axe-core finds serious or critical: rule, selector, and what is wrong there."""
    found = Axe().run(page, options=AXE | only).response["violations"]
    return [
        f"{fault['id']} {node['target'][0]}: {node['failureSummary']}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
        if (fault["id"], node["target"][0]) not in OWNED_BY_THE_THEME
    ]


# The themes differ in color only, and colors take axe-core the longest.
@pytest.mark.parametrize(
    ("theme", "only"), [("light", {}), ("dark", COLORS)], ids=["light", "dark"]
)
def test_nobody_is_kept_out(visit, name, theme, only):
    page = visit(name, theme=theme)
    assert page.locator("html").get_attribute("data-theme") == theme
    assert barriers(page, only) == []


def test_a_phone_shows_the_page_without_scrolling_sideways(visit, name):
    page = visit(name, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") == 320, page.evaluate(WIDER)
    assert barriers(page, WIDTHS) == []
    for picture in page.locator(PICTURES).all():
        picture.scroll_into_view_if_needed()
        picture.evaluate("(image) => image.decode()")
    shapes = page.locator(PICTURES).evaluate_all(
        "all => all.map(i => [i.width / i.height, i.naturalWidth / i.naturalHeight])"
    )
    for shown, drawn in shapes:
        assert shown == pytest.approx(drawn, rel=0.05)


def test_a_page_is_in_order(visit, name):
    """Its headings, its formulas for a screen reader, the words of its links, and its icons."""
    page = visit(name)
    headings = page.locator("main :is(h1, h2, h3, h4, h5, h6):visible").all()
    levels = [int(heading.evaluate("h => h.tagName")[1]) for heading in headings]
    assert levels[0] == 1
    assert all(1 < below <= above + 1 for above, below in pairwise(levels)), levels
    formulas = page.locator("main .math").count()
    read = page.locator("main .math:has(mjx-container > mjx-assistive-mml > math)").count()
    assert read == formulas
    assert page.locator("mjx-merror").count() == 0
    words = page.locator("main a:visible").all_inner_texts()
    assert VAGUE.isdisjoint(word.strip().lower() for word in words)
    assert set(page.locator("i[class*=fa-], span[class*=fa-]").evaluate_all(ICONS)) == {True}
