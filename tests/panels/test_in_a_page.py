"""The panels on a page of their own: beside their equals, with few classes, in another's style."""

from itertools import pairwise

import numpy as np
import pytest

from tests.browser import hands
from tests.helpers import shrunk
from vae_lib.model import VAE
from vae_lib.panels.completer import Completer
from vae_lib.panels.explorer import Explorer
from vae_lib.panels.quantization import quantize
from vae_lib.panels.rate_distortion import RateDistortion
from vae_lib.panels.trainer import Trainer

pytestmark = pytest.mark.slow

# What JupyterLab says of lists in an output; it may come before or after the panel's own.
JUPYTERLAB = """<style>
.jp-OutputArea-output :is(dl, dt, dd) { display: block }
.jp-OutputArea-output dl { width: 100%; overflow: hidden; padding: 0; margin: 0 }
.jp-OutputArea-output dt { font-weight: bold; float: left; width: 20%; padding: 0; margin: 0 }
.jp-OutputArea-output dd { float: left; width: 80%; padding: 0; margin: 0 }
</style>"""
BOXES = """(parts) => parts.map((part) => {
  const { top, bottom, left, right } = part.getBoundingClientRect();
  return { top, bottom, left, right };
})"""


@pytest.fixture
def show(chromium):
    """Show HTML on a page; in the end nothing may have gone wrong on it."""
    faults, pages = [], []

    def shown(html):
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        pages.append(page)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.set_content(f"<!doctype html><html lang=en><title>A page</title>{html}")
        return page

    yield shown
    for page in pages:
        page.close()
    assert faults == []


@pytest.fixture(scope="module")
def network():
    return quantize(VAE(z_dim=2))


@pytest.fixture(scope="module")
def explorer(network, split):
    return Explorer({0: network}, split.x_test[:100], split.y_test[:100]).html()


@pytest.fixture(scope="module")
def trainer(split):
    return Trainer(split.x_train[:64]).html()


@pytest.fixture(scope="module")
def sweep():
    """Three models of two dimensions, the second of which both others beat at its own β."""
    images = np.random.default_rng(0).random((3, 6, 196))
    rates = [[4, 2], [3, 2], [0.05, 0]]
    return RateDistortion([0.5, 2, 4], rates, [1, 9, 12], images[0], images).html()


@pytest.fixture(scope="module")
def completer(split):
    x = shrunk(split.x_test[:10])
    return Completer(VAE(2, 8, 196), x, split.y_test[:10]).html()


def test_equal_panels_each_come_to_life(show, explorer, trainer, completer, sweep):
    page = hands.begin(show(2 * (explorer + trainer + completer + sweep)))
    panels = page.locator(".vae-panel")
    kinds = [".explorer", ".trainer", ".completer", ".sweep"]
    for k, kind in enumerate(kinds * 2):
        panels.nth(k).locator(kind).wait_for()
        assert panels.nth(k).locator(", ".join(kinds)).count() == 1
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len(set(ids))
    first, second = (panels.nth(k).locator("[data-role='z1']") for k in (0, 4))
    second.press("ArrowRight")
    assert (first.input_value(), second.input_value()) == ("0", "0.05")


def test_an_explorer_shows_the_classes_that_there_are(show, network, split):
    some = [label in (3, 5, 8) for label in split.y_test]
    x, labels = split.x_test[some][:60], split.y_test[some][:60] + 10
    page = hands.begin(show(Explorer({0: network}, x, labels).html()))
    choice = page.locator("[data-role='test-digit']")
    assert choice.locator("option").all_text_contents() == ["choose", "13", "15", "18"]
    assert page.locator("[data-role='caption']").text_content()[-2:] in {"13", "15", "18"}
    choice.select_option("18")
    page.get_by_text("Code: mean (").wait_for()


def test_an_explorer_of_one_class_works(show, network, split):
    ones = split.x_test[split.y_test == 1][:5]
    page = hands.begin(show(Explorer({0: network}, ones, [0] * 5).html()))
    assert page.locator("[data-role='caption']").text_content()[-1] == "0"


@pytest.mark.parametrize("order", ["{host}{panel}", "{panel}{host}"])
@pytest.mark.parametrize("name", ["explorer", "sweep", "trainer", "completer"])
def test_a_host_s_lists_leave_the_panels_in_order(show, request, name, order):
    html = order.format(host=JUPYTERLAB, panel=request.getfixturevalue(name))
    page = show(f"<div class='jp-OutputArea-output'>{html}</div>")
    page.locator(f".{name} dl").wait_for()
    terms, texts = (page.locator(f"dl {tag}").evaluate_all(BOXES) for tag in ("dt", "dd"))
    assert all(term["bottom"] <= text["top"] for term, text in zip(terms, texts, strict=True))
    assert all(one["right"] <= next_one["left"] for one, next_one in pairwise(terms))


def test_the_status_is_never_behind_the_numbers(show, trainer):
    page = show(trainer)
    panel = hands.Trainer(page)
    for iteration in "12":
        panel.press("step")
        seen = page.wait_for_function(
            "(n) => document.querySelector('[data-role=iteration]').textContent === n"
            " && document.querySelector('.trainer').innerText",
            arg=iteration,
        )
        assert f"Stepped to iteration {iteration}:" in seen.json_value()
    panel.press("reset")
    panel.wait("() => role('iteration').textContent === '0'")
    assert "Back at the start" in panel.part("status").text_content()


def test_what_was_under_way_when_it_began_to_train_is_not_said(show, trainer):
    page = show(trainer)
    panel = hands.Trainer(page)
    page.evaluate(
        "for (const name of ['step', 'play']) document.querySelector(`[data-role=${name}]`).click()"
    )
    panel.reach(2)
    assert panel.part("status").text_content() == ""


def test_what_is_said_of_models_is_what_their_numbers_are(show, sweep):
    page = show(2 * sweep)
    first, second = (page.locator(".vae-panel").nth(k) for k in (0, 1))
    words, slider = first.locator("[data-role='words']"), first.locator("[data-role='stop']")
    assert "D + R (minus the ELBO) is the least of all." in words.text_content()  # no β is 1
    slider.press("ArrowRight")
    told = words.text_content()
    assert "is 7.0 nats above that of β\u00a0=\u00a0½. 0 of 2 dimensions" in told
    assert "2 of 3 models lie below it" in told  # 1 + 2 · 6 and 12 + 2 · 0.05 < 9 + 2 · 5
    slider.press("End")
    assert "2 of 2 dimensions cost less than 0.1 nats. " in words.text_content()
    assert "0 of 3 models lie below it" in words.text_content()
    assert second.locator("[data-role='stop']").input_value() == "0"  # a panel of its own


def test_an_axis_of_small_rates_is_written_with_the_decimals_it_needs(show):
    images = np.zeros((2, 1, 9))
    page = show(RateDistortion([1, 2], [[0.3], [0]], [-150, 900], images[0], images).html())
    texts = page.locator("svg.plane text").all_text_contents()
    rate = [f"{tick / 100:.2f}" for tick in range(0, 31, 5)]
    distortion = ["−200", *map(str, range(0, 1001, 200))]
    assert texts[:14] == [*rate, *distortion]


def test_a_completer_names_digits_by_class_and_counts_those_that_share_one(show, split):
    x = shrunk(split.x_test[:4])
    page = show(Completer(VAE(2, 8, 196), x, [7, 3, 7, 3]).html())
    names = page.locator("[data-role='test-digit'] option").all_text_contents()
    assert names == ["choose", "3", "3 (2)", "7", "7 (2)"]
    panel = hands.Completer(page)
    panel.part("test-digit").select_option("7 (2)")
    panel.finish()
    upper = np.arange(14) < 7
    shown = hands.picture(panel.part("completion-1")) < 100
    assert np.array_equal(shown[upper], x[2].reshape(14, 14)[upper] == 1)


def test_a_completer_of_28_pixels_works(show, split):
    x = split.x_test[:3] > 0.5
    page = show(Completer(VAE(2, 8), x, [0, 1, 2]).html())
    panel = hands.Completer(page)
    assert panel.pictures().shape == (6, 28, 28)
    assert "of 392 pixels" in panel.part("apart").text_content()
    page.locator(".vae-panel summary").click()
    panel.part("drawing").press("Shift+ArrowDown")
    panel.finish()
    assert panel.numbers()[0] >= 1
