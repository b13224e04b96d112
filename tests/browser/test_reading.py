"""What a reader does on a page: search, walk by keyboard, change the theme, copy and unfold."""

import pytest

from tests.browser.built_book import BOOK

CHAPTER = "chapters/04-reparameterization"
FOCUS = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return {
    name: e.ariaLabel || e.title || e.textContent.trim() || e.placeholder || e.id,
    tag: e.tagName,
    isSeen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0
      && box.left < innerWidth && e.checkVisibility({ opacityProperty: true }),
    isMarked: style.outlineStyle !== "none" || style.boxShadow !== "none",
  };
}"""


def walk(page, steps):
    """Press Tab; return what has the focus after each step."""
    stops = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUS))
    return stops


def test_search_finds_reparameterization(visit):
    page = visit("index")
    page.keyboard.press("Control+k")
    page.keyboard.type("reparameterization")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li", has_text="Reparameterization: a gradient").first
    assert found.locator(".context").inner_text().startswith("4. Reparameterization")
    found.locator("a").first.click()
    page.locator("h1:visible", has_text="Reparameterization").wait_for()
    page.locator("article span.highlighted").first.wait_for()


@pytest.mark.parametrize("words", ["divergence", "posterior", "variance"])
def test_search_quotes_text_and_names_a_page_once(visit, words):
    page = visit("search")
    page.goto(f"{page.url}?q={words}")
    page.locator("#search-results .context").first.wait_for()
    page.wait_for_load_state("networkidle")
    results = page.locator("#search-results li")
    titles = results.locator("a").all_inner_texts()
    assert len(titles) == len(set(titles)) >= 5
    quoted = " ".join(results.locator(".context").all_inner_texts())
    assert "\\" not in quoted
    assert "mathrm" not in quoted


def test_from_a_file_search_finds_pages_without_a_fault(chromium):
    faults, page = [], chromium.new_page()
    page.on("console", lambda m: faults.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{(BOOK / 'search.html').as_uri()}?q=divergence")
    page.locator("#search-results li").nth(3).wait_for()
    page.wait_for_load_state("networkidle")
    page.close()
    assert faults == []


def test_search_says_when_it_finds_nothing(visit):
    page = visit("search")
    page.locator("main input[type=search]").fill("zyzzyva")
    page.keyboard.press("Enter")
    page.get_by_text("did not match any documents").wait_for()


def test_the_first_tab_skips_to_the_text(visit):
    page = visit(CHAPTER)
    (stop,) = walk(page, 1)
    assert stop["name"] == "Skip to main content"
    assert stop["isSeen"]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("width", [320, 1280])
def test_tab_reaches_everything_and_shows_where_it_is(visit, width):
    page = visit(CHAPTER, width=width)
    stops = walk(page, 60)
    names = " | ".join(stop["name"] for stop in stops)
    wanted = ["Toggle primary sidebar", "Download this page", "light/dark", "Search"]
    wanted += ["5. Loss"] * (width > 1000)
    assert [name for name in wanted if name not in names] == []
    lost = [stop for stop in stops if not (stop["isSeen"] and stop["isMarked"])]
    assert lost == []


def test_the_keyboard_opens_and_closes_the_sidebar_of_a_phone(visit):
    page = visit(CHAPTER, width=320)
    toggle = page.get_by_role("button", name="Toggle primary sidebar")
    link = page.locator(".bd-sidebar-primary a", has_text="5. Loss")
    toggle.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('.bd-sidebar-primary').contains(document.activeElement)"
    )
    assert link.is_visible()
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
    assert toggle.evaluate("e => e === document.activeElement")


def test_the_theme_changes_and_stays_on_the_next_page(visit):
    page = visit(CHAPTER)
    colors = """() => ["body", ".bd-article pre", ".bd-article pre .k"].map((kind) => {
      const style = getComputedStyle(document.querySelector(kind));
      return [style.color, style.backgroundColor];
    }).flat()"""
    light = page.evaluate(colors)
    page.get_by_role("button", name="light/dark").click()
    dark = page.evaluate(colors)
    assert [pair for pair in zip(light, dark, strict=True) if pair[0] == pair[1]] == [
        ("rgba(0, 0, 0, 0)", "rgba(0, 0, 0, 0)")  # a word of code has no ground of its own
    ]
    page.get_by_role("link", name="5. Loss").first.click()
    page.locator("h1:visible", has_text="Loss").wait_for()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_dark_pages_never_flash(visit, site):
    """The theme is there before anything is painted, not only when the page has loaded."""
    page = visit("index", theme="dark")
    page.context.clear_cookies()
    page.add_init_script("""
      localStorage.clear();
      new MutationObserver((_, observer) => {
        if (!document.body) return;
        window.themeAtFirst = document.documentElement.dataset.theme;
        observer.disconnect();
      }).observe(document, { childList: true, subtree: true });
    """)
    page.goto(f"{site}/{CHAPTER}.html")
    assert page.evaluate("window.themeAtFirst") == "dark"


def test_the_copy_button_copies_the_cell(visit):
    page = visit(CHAPTER, permissions=["clipboard-read", "clipboard-write"])
    cell = page.locator(".cell_input div.highlight").first
    cell.hover()
    cell.locator("button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()


def test_the_buttons_above_the_text_print_it_and_fill_the_screen(visit):
    page = visit(CHAPTER)
    page.evaluate("window.print = () => { window.printed = true; }")
    page.locator("[onclick='window.print()']").evaluate("(button) => button.click()")
    assert page.evaluate("window.printed")
    page.locator("[onclick='toggleFullScreen()']").first.click()
    page.wait_for_function("() => document.fullscreenElement !== null")


def test_a_folded_cell_opens_with_the_keyboard(visit):
    page = visit(CHAPTER)
    fold = page.locator("main details:has(pre)").first
    assert not fold.locator("pre").first.is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.locator("pre").first.is_visible()


def test_a_screen_reader_is_told_a_formula_once(visit):
    page = visit("index")
    formula = page.locator("main .math").first
    assert formula.get_by_role("math").count() == 1  # the copy for the eye is hidden from it
    assert formula.locator("mjx-math").get_attribute("aria-hidden") == "true"


def test_a_term_shows_its_definition_on_focus_until_escape(visit):
    page = visit(CHAPTER)
    page.locator("main a.term").first.focus()
    page.get_by_role("tooltip").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("tooltip").wait_for(state="hidden")


def test_on_a_phone_a_check_wraps_and_a_printed_table_scrolls(visit):
    page = visit("chapters/03-decoder", width=320)
    checks = page.locator(".output.stream:not(.columns) pre")
    assert checks.evaluate_all("all => all.some(p => p.scrollWidth > p.clientWidth)") is False
    table = page.locator(".output.stream.columns pre", has_text="squared error").first
    lines = table.inner_text().rstrip().splitlines()
    height = table.evaluate("p => p.clientHeight / parseFloat(getComputedStyle(p).lineHeight)")
    assert height < len(lines) + 3  # its padding
