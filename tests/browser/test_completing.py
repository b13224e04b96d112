"""The completer, driven as a reader does: hide by pointer, finger, keyboard; draw; try again."""

import base64

import numpy as np
import pytest

from tests.browser.hands import (
    USES,
    Completer,
    assert_it_repaints,
    from_a_file,
    numbers_of,
    picture,
    rounded_model,
    settle,
    unpacked,
)
from vae_lib.uses import draw_completions, fit_to_seen, normalized

SIDE = 14
LOWER = np.arange(SIDE) >= SIDE // 2  # rows that are hidden at first


@pytest.fixture
def completer(visit):
    return Completer(visit(USES))


def first_digit(completer):
    """The digit that is shown at first, (side, side)."""
    numbers = numbers_of(completer.page.locator(".vae-panel").last)
    pixels = np.frombuffer(base64.b64decode(numbers["digits"]), np.uint8)
    return pixels[: SIDE**2].reshape(SIDE, SIDE).astype(np.float32)


def test_it_begins_with_six_completions_of_a_lower_half(completer):
    effective, apart, truth = completer.numbers()
    assert effective > 10
    assert 0 < apart < LOWER.sum() * SIDE
    assert 1 < truth < 60
    pictures = completer.pictures()
    upper = pictures[:, ~LOWER]
    ink = first_digit(completer)[~LOWER]
    assert np.ptp(upper, axis=0).max() == 0  # what is seen is the same in each
    assert upper[0][ink == 1].max() < 60
    assert upper[0][ink == 0].min() > 240
    lower = pictures[:, LOWER]
    assert np.ptp(lower, axis=0).max() > 50  # what is hidden is not
    assert lower.max() < 240  # and has a paper of its own
    spread = picture(completer.part("spread"))
    assert np.ptp(spread[~LOWER]) == 0
    assert np.ptp(spread[LOWER]) > 20


def test_its_numbers_are_what_the_library_finds(completer):
    numbers = numbers_of(completer.page.locator(".vae-panel").last)
    model = rounded_model(unpacked(numbers["network"]))
    x = first_digit(completer).reshape(1, -1)
    seen = np.repeat(~LOWER, SIDE).astype(np.float32)
    mean, log_var = fit_to_seen(model, x, seen, 100)
    code = mean, log_var + 2 * np.log(1.25)
    drawn = [draw_completions(model, x, seen, code, 500, seed) for seed in range(30)]
    weights = np.array([normalized(each.log_weight)[0] for each in drawn])  # (30, 500)
    hidden = [
        np.logaddexp.reduce(each.log_weight[0])
        - np.logaddexp.reduce(each.log_weight[0] + each.log_hidden[0])
        for each in drawn
    ]
    effective, _, truth = completer.numbers()
    counts = 1 / (weights**2).sum(axis=1)
    assert counts.min() - 10 < effective < counts.max() + 10
    assert min(hidden) - 0.5 < truth < max(hidden) + 0.5


def test_again_draws_anew_and_what_is_seen_stays(completer):
    before = completer.pictures()
    completer.press("again")
    completer.finish()
    after = completer.pictures()
    assert np.array_equal(before[:, ~LOWER], after[:, ~LOWER])
    assert abs(before - after).max() > 30


def test_the_brush_hides_more_and_undo_takes_it_back(completer):
    before, pad = completer.numbers(), picture(completer.part("hiding"))
    completer.drag((0.5, 0.1), (0.5, 0.45))
    hidden = picture(completer.part("hiding"))
    assert completer.part("half").input_value() == ""
    assert completer.numbers() != before
    changed = abs(hidden - pad) > 20
    _, columns = np.nonzero(changed)
    assert 100 < columns.mean() < 236  # of 336, in the middle
    assert changed[:168].mean() > 0.05  # stripes where there was paper
    assert not changed[168:].any()  # the lower half was hidden before
    completer.press("undo")
    completer.finish()
    assert completer.numbers() == before
    assert np.array_equal(picture(completer.part("hiding")), pad)


@pytest.mark.parametrize("half", ["upper half", "lower half", "left half", "right half"])
def test_a_half_is_hidden_without_a_pointer(completer, half):
    completer.part("half").select_option(half)
    completer.finish()
    row, column = np.mgrid[:SIDE, :SIDE]
    hidden = {"upper half": row < 7, "lower half": row > 6, "left half": column < 7}.get(
        half, column > 6
    )
    spread = picture(completer.part("spread"))
    assert (spread[~hidden] > 240).all()
    assert (spread[hidden] < 240).all()
    assert "of 98 pixels" in completer.part("apart").text_content()


def test_it_works_by_keyboard_alone(completer):
    keyboard = completer.page.keyboard
    completer.press("show-all")
    completer.finish()
    completer.part("hiding").focus()
    keyboard.press("ArrowUp")
    keyboard.press("Space")
    completer.finish()
    one = picture(completer.part("spread")) < 240
    assert 3 <= one.sum() <= 12
    for _ in range(4):
        keyboard.press("Shift+ArrowLeft")
    completer.finish()
    line = picture(completer.part("spread")) < 240
    assert line.sum() > one.sum() + 4
    assert (line | ~one).all()
    reached = set()
    for _ in range(4):
        keyboard.press("Tab")
        reached.add(completer.page.evaluate("document.activeElement.dataset.role ?? ''"))
    assert {"again", "source"} <= reached


def test_a_finger_hides_on_a_phone_and_the_page_stays(visit):
    completer = Completer(visit(USES, width=320, has_touch=True, is_mobile=True))
    completer.press("show-all")
    completer.finish()
    pad = completer.part("hiding")
    pad.scroll_into_view_if_needed()
    settle(completer.page)
    scrolled, box = completer.page.evaluate("scrollY"), pad.bounding_box()
    session = completer.page.context.new_cdp_session(completer.page)
    for k in range(3, 8):
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * k / 10}
        event = {"type": "touchStart" if k == 3 else "touchMove", "touchPoints": [place]}
        session.send("Input.dispatchTouchEvent", event)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    completer.finish()
    hidden = picture(completer.part("spread")) < 240
    assert hidden.any(1).sum() > 1.5 * hidden.any(0).sum()  # an upright stroke
    assert completer.page.evaluate("scrollY") == scrolled
    assert completer.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_where_few_draws_carry_the_weight_it_says_so(completer):
    completer.part("source").select_option("prior")
    completer.finish()
    assert completer.numbers()[0] < 10
    assert "Too few draws" in completer.part("status").text_content()
    completer.part("source").select_option("fitted")
    completer.finish()
    assert "Too few draws" not in completer.part("status").text_content()


def test_what_comes_out_is_announced(completer):
    completer.says("draws carry the weight; two of the six differ in")
    completer.part("source").select_option("prior")
    completer.says("Too few draws carry the weight to trust this")


def test_another_digit_is_completed(completer):
    before = completer.pictures()
    completer.part("test-digit").select_option("1")
    completer.finish()
    assert abs(completer.pictures() - before).max() > 50


def test_a_drawing_is_completed_too(completer):
    page = completer.page
    page.locator(".vae-panel summary").click()
    completer.part("drawing").focus()
    for _ in range(6):
        page.keyboard.press("ArrowUp")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    completer.finish()
    pad = picture(completer.part("hiding"))[:168]
    rows, columns = np.nonzero(pad < 60)
    assert np.ptp(rows) > 2 * np.ptp(columns)  # the upper half of an upright stroke
    assert 0 < completer.numbers()[2] < 98
    completer.press("clear")
    completer.finish()
    assert "Draw a digit" in completer.part("status").text_content()
    assert np.isnan(completer.numbers()).all()


def test_with_nothing_hidden_there_is_nothing_to_complete(completer):
    completer.press("show-all")
    completer.finish()
    assert "Hide a part" in completer.part("status").text_content()
    assert np.isnan(completer.numbers()).all()


def test_it_repaints_when_the_theme_is_switched(completer):
    assert_it_repaints(completer.page, completer.part("completion-1"))


def test_it_completes_from_a_file_without_any_network(chromium):
    with from_a_file(chromium, USES) as page:
        assert Completer(page).numbers()[0] > 10
