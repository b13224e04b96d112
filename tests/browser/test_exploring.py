"""The explorer, driven as readers drive it: pointer, finger, keyboard; from a file, too."""

import numpy as np
import pytest

from tests.browser.hands import (
    CHAPTER,
    PLANE,
    USES,
    assert_it_repaints,
    at,
    begin,
    from_a_file,
    numbers_of,
    part,
    picture,
    set_slider,
    settle,
    stop_time,
    unpacked,
    z_of,
)

PAPER, INK = 255, 34  # gray levels, about, of the light theme


@pytest.fixture
def explorer(visit):
    """Chapter 7, its explorer in view."""
    return begin(visit(CHAPTER))


def twin(page):
    """NumPy's twin of the last network that the page carries."""
    numbers = numbers_of(page.locator(".vae-panel").first)
    return unpacked(numbers["checkpoints"][-1]["network"])


def test_the_digit_on_the_screen_is_what_the_twin_decodes(explorer):
    network = twin(explorer)
    for z in ([0, 0], [1.5, -0.5], [-1, 1.05]):
        set_slider(explorer, "z1", z[0])
        set_slider(explorer, "z2", z[1])
        wanted = 1 / (1 + np.exp(-network.decode_logits(np.array([z])))).reshape(28, 28)
        shown = picture(part(explorer, "digit"))
        ink = (shown - shown.max()) / (PAPER - INK)  # 0 on paper, down to about -1
        assert np.corrcoef(shown.ravel(), wanted.ravel())[0, 1] < -0.999
        assert abs(-ink - wanted).max() < 0.1


def test_the_same_digit_in_the_dark_is_light_on_dark(visit):
    pages = begin(visit(CHAPTER)), begin(visit(CHAPTER, theme="dark"))
    light, dark = (picture(part(page, "digit")) for page in pages)
    assert light[0, 0] > 240
    assert dark[0, 0] < 50
    assert np.corrcoef(light.ravel(), dark.ravel())[0, 1] < -0.99


def test_it_repaints_when_the_theme_is_switched(explorer):
    assert_it_repaints(explorer, part(explorer, "digit"))


def test_the_digit_follows_a_drag_on_the_map(explorer):
    pictures = []
    explorer.mouse.move(*at(explorer, [0, 0]))
    explorer.mouse.down()
    for z in ([1, 0], [1, 1.5], [-2, 1.5]):
        explorer.mouse.move(*at(explorer, z), steps=3)
        settle(explorer)
        assert z_of(explorer) == pytest.approx(z, abs=0.06)
        pictures.append(picture(part(explorer, "digit")))
    explorer.mouse.up()
    explorer.mouse.move(*at(explorer, [3, 3]))  # no button: nothing follows
    settle(explorer)
    assert z_of(explorer) == pytest.approx([-2, 1.5], abs=0.06)
    assert abs(pictures[0] - pictures[1]).max() > 20
    assert abs(pictures[1] - pictures[2]).max() > 20


def test_a_finger_does_the_same_on_a_phone(visit):
    page = begin(visit(CHAPTER, width=320, has_touch=True, is_mobile=True))
    part(page, "pad").scroll_into_view_if_needed()
    before = picture(part(page, "digit"))
    page.touchscreen.tap(*at(page, [1.5, 1]))
    settle(page)
    assert z_of(page) == pytest.approx([1.5, 1], abs=0.1)
    assert abs(picture(part(page, "digit")) - before).max() > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_every_control_is_reached_and_worked_by_the_keyboard(explorer):
    part(explorer, "z1").focus()
    explorer.keyboard.press("ArrowRight")
    explorer.keyboard.press("ArrowRight")
    explorer.keyboard.press("Tab")
    explorer.keyboard.press("ArrowDown")
    assert z_of(explorer) == pytest.approx([0.1, -0.05])
    reached = set()
    for _ in range(12):
        explorer.keyboard.press("Tab")
        reached.add(explorer.evaluate("document.activeElement.dataset.role ?? ''"))
    assert {"walk", "pin-A", "pin-B", "clear", "test-digit", "drawing"} <= reached


def test_what_changed_is_announced_once_the_hand_rests(explorer):
    stop_time(explorer)
    said = part(explorer, "announce")
    assert said.get_attribute("aria-live") == "polite"
    part(explorer, "z1").focus()
    for _ in range(5):
        explorer.keyboard.press("ArrowLeft")
        explorer.clock.run_for(500)  # it holds its breath for longer
        assert "z is" not in (said.text_content() or "")
    explorer.clock.run_for(500)
    assert "z is −0.25, 0.00; the nearest test digit is a" in said.text_content()


def test_one_walks_between_two_pins(visit):
    explorer = begin(visit(CHAPTER, reduced_motion="reduce"))
    set_slider(explorer, "z1", -2)
    part(explorer, "pin-A").click()
    set_slider(explorer, "z1", 2)
    part(explorer, "pin-B").click()
    walk = part(explorer, "walk")  # still by still
    seen = []
    for _ in range(9):
        walk.click()
        settle(explorer)
        seen.append(z_of(explorer)[0])
    assert seen == pytest.approx(np.linspace(-2, 2, 9), abs=0.03)
    assert "Still 9 of 9" in part(explorer, "walk-status").text_content()


def test_with_motion_the_walk_runs_by_itself_and_can_be_stopped(explorer):
    stop_time(explorer)
    start = z_of(explorer)
    part(explorer, "walk").click()
    explorer.clock.run_for(1000)
    on_the_way = z_of(explorer)
    part(explorer, "walk").click()
    explorer.clock.run_for(5000)
    assert on_the_way != start
    assert z_of(explorer) == on_the_way
    assert part(explorer, "walk").text_content() == "Walk from A to B"


def draw(page, *strokes):
    """Draw strokes of points in [0, 1]² with the mouse."""
    pad = part(page, "drawing")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for first, *others in strokes:
        places = [
            (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (first, *others)
        ]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=8)
        page.mouse.up()
    settle(page)


def nats(page):
    """The two numbers beside the drawing."""
    return [float(part(page, name).text_content().split()[0]) for name in ("reconstruction", "kl")]


def test_a_drawn_one_is_centered_encoded_and_priced(explorer):
    draw(explorer, [(0.15, 0.1), (0.15, 0.6)])  # in a corner, on purpose
    seen = 255 - picture(part(explorer, "seen"))
    rows, columns = np.mgrid[:28, :28]
    middle = [(grid * seen).sum() / seen.sum() for grid in (rows, columns)]
    assert middle == pytest.approx([13.5, 13.5], abs=1)
    dark = seen > 60
    assert 18 <= dark.any(1).sum() <= 21  # as high as a digit of MNIST
    explorer.wait_for_function(
        "(p) => p.textContent.includes('digit is a 1')",
        arg=part(explorer, "announce").element_handle(),
    )
    reconstruction, kl = nats(explorer)
    assert 20 < reconstruction < 150
    assert 3 < kl < 20
    mean, log_var = twin(explorer).encode(seen.reshape(1, 784) / seen.max())
    assert z_of(explorer) == pytest.approx(mean[0], abs=0.25)
    cost = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum()
    assert kl == pytest.approx(cost, abs=0.5)


@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_a_finger_or_a_pen_draws_and_the_page_stays_where_it_is(visit, kind):
    page = begin(visit(CHAPTER, width=320, has_touch=True, is_mobile=kind == "touch"))
    pad = part(page, "drawing")
    pad.scroll_into_view_if_needed()
    settle(page)
    scrolled = page.evaluate("scrollY")
    box = pad.bounding_box()
    places = [
        {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * k / 10}
        for k in range(2, 9)
    ]
    session = page.context.new_cdp_session(page)
    if kind == "touch":
        for k, place in enumerate(places):
            event = {"type": "touchMove" if k else "touchStart", "touchPoints": [place]}
            session.send("Input.dispatchTouchEvent", event)
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        for k, place in enumerate([*places, places[-1]]):
            name = {0: "mousePressed", len(places): "mouseReleased"}.get(k, "mouseMoved")
            event = {"type": name, "button": "left", "buttons": 1, "clickCount": 1, **place}
            session.send("Input.dispatchMouseEvent", {**event, "pointerType": "pen"})
    settle(page)
    seen = 255 - picture(part(page, "seen"))
    dark = seen > 60
    assert dark.any(1).sum() > 3 * dark.any(0).sum()  # an upright stroke
    assert nats(page)[0] > 0
    assert page.evaluate("scrollY") == scrolled


def test_the_price_changes_as_the_drawing_does_and_clear_takes_it_away(explorer):
    draw(explorer, [(0.5, 0.15), (0.5, 0.85)])
    one = nats(explorer)
    draw(explorer, [(0.2, 0.5), (0.8, 0.5)], [(0.2, 0.2), (0.8, 0.2)])
    other = nats(explorer)
    assert other[0] > one[0] + 20
    part(explorer, "clear").click()
    settle(explorer)
    assert picture(part(explorer, "seen")).min() > 240


def test_a_test_digit_can_be_taken_instead_of_drawn(explorer):
    part(explorer, "test-digit").select_option("0")
    settle(explorer)
    taken = picture(part(explorer, "seen"))
    assert taken.min() < 100
    assert taken[13:15, 13:15].min() > 150  # a zero is empty in the middle
    assert all(value > 0 for value in nats(explorer))


def test_the_drawing_can_be_made_with_the_keyboard(explorer):
    part(explorer, "drawing").focus()
    explorer.keyboard.press("Space")
    for _ in range(6):
        explorer.keyboard.press("Shift+ArrowDown")
    settle(explorer)
    assert picture(part(explorer, "seen")).min() < 100
    assert nats(explorer)[0] > 0


def test_the_space_unfolds_along_the_training(explorer):
    slider = part(explorer, "checkpoint")
    trained = picture(part(explorer, "digit")), picture(part(explorer, "pad"))
    slider.focus()
    for _ in range(10):
        explorer.keyboard.press("ArrowLeft")
    settle(explorer)
    assert slider.get_attribute("aria-valuetext") == "0"
    begun = picture(part(explorer, "digit")), picture(part(explorer, "pad"))
    # An untrained decoder draws no strokes: every pixel is somewhere between ink and paper.
    assert begun[0].std(ddof=1) < trained[0].std(ddof=1)
    assert abs(begun[1] - trained[1]).mean() > 1


def test_it_works_from_a_file_without_any_network(chromium):
    with from_a_file(chromium, CHAPTER) as page:
        begin(page)
        before = picture(part(page, "digit"))
        set_slider(page, "z1", 2)
        assert abs(picture(part(page, "digit")) - before).max() > 20


def test_the_front_page_has_one_too_without_the_training(visit):
    page = begin(visit("index"))
    before = picture(part(page, "digit"))
    set_slider(page, "z2", 2)
    assert abs(picture(part(page, "digit")) - before).max() > 20
    assert part(page, "checkpoint").count() == 0


@pytest.mark.parametrize("where", ["index", CHAPTER, PLANE, USES])
def test_without_scripts_there_is_a_picture_and_a_sentence(chromium, site, where):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/{where}.html")
    panel = page.locator(".vae-panel").first
    assert panel.locator(".still img").is_visible()
    assert "runs scripts" in panel.locator(".still figcaption").text_content()
    assert not panel.locator(".live").is_visible()
    context.close()


@pytest.mark.parametrize(
    ("where", "role"), [(CHAPTER, "digit"), (PLANE, "restored"), (USES, "spread")]
)
def test_in_print_there_is_the_picture(visit, where, role):
    page = begin(visit(where), role)
    panel = page.locator(".vae-panel").first
    assert not panel.locator(".still").is_visible()
    page.emulate_media(media="print")
    assert panel.locator(".still img").is_visible()
    assert not panel.locator(".live").is_visible()
