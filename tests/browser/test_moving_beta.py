"""The plane of rate and distortion, driven as readers do: slider, pointer, finger, keyboard."""

import numpy as np
import pytest

from tests.browser.hands import (
    PLANE,
    assert_it_repaints,
    begin,
    dots_of,
    from_a_file,
    numbers_of,
    part,
    picture,
    set_slider,
    settle,
    stop_time,
)
from vae_lib.rate_distortion import leads

PAPER, INK = 255, 34  # gray levels, about, of the light theme
# The plane as it is drawn: dots, the line through one of them, and the ticks of both axes.
DRAWN = """(svg) => {
  const numbers = (node, ...names) => names.map((name) => Number(node.getAttribute(name)));
  const all = (selector) => [...svg.querySelectorAll(selector)];
  const ticks = (selector, name) => all(selector).map((text) =>
    [...numbers(text, name), Number(text.textContent.replace("−", "-"))])
    .filter(([, value]) => !Number.isNaN(value));
  return {
    dots: all("circle").map((dot) => numbers(dot, "cx", "cy")),
    current: all("circle").findIndex((dot) => dot.classList.contains("current")),
    line: numbers(all("[data-role=line]")[0], "x1", "y1", "x2", "y2"),
    rate: ticks("text:not([class])", "x"),
    levels: all(".level").map((line) => numbers(line, "y1")[0]),
    distortion: ticks("text.before", "y").map(([, value]) => value),
  };
}"""


@pytest.fixture
def plane(visit):
    """Chapter 9, its panel in view."""
    return begin(visit(PLANE), "restored")


def data_of(page):
    """The numbers that the page gives its panel."""
    return numbers_of(page.locator(".vae-panel").first)


def models_of(page):
    """β, R and D of each model that the page carries."""
    models = data_of(page)["models"]
    rates = np.array([model["rates"] for model in models])  # (models, z_dim)
    beta, distortion = (
        np.array([model[name] for model in models]) for name in ("beta", "distortion")
    )
    return beta, rates.sum(axis=1), distortion


def numbers_on(page):
    """What stands below the plane: R, D, D + R, D + βR."""
    texts = [part(page, role).text_content() for role in ("R", "D", "sum", "weighted")]
    return [float(text.removesuffix(" nats").replace("−", "-")) for text in texts]


def stop_of(page):
    return int(part(page, "stop").input_value())


def test_it_begins_at_the_elbo(plane):
    beta, rate, distortion = models_of(plane)
    assert beta[stop_of(plane)] == 1
    assert "the least of all" in part(plane, "words").text_content()
    assert (rate + distortion).argmin() == stop_of(plane)


def test_the_numbers_at_each_stop_are_those_of_its_model(plane):
    beta, rate, distortion = models_of(plane)
    total = distortion + rate
    for k, price in enumerate(beta):
        set_slider(plane, "stop", k)
        wanted = [rate[k], distortion[k], total[k], distortion[k] + price * rate[k]]
        assert numbers_on(plane) == pytest.approx(wanted, abs=0.051)
        words = part(plane, "words").text_content()
        assert f"0 of {len(beta)} models lie below it" in words
        if price != 1:
            assert f"is {total[k] - total.min():.1f} nats above that of β\u00a0=\u00a01." in words


def test_the_line_through_each_model_has_its_slope_and_rolls_along_the_curve(plane):
    beta, rate, distortion = models_of(plane)
    lead = leads(rate, distortion, beta)
    for k, price in enumerate(beta):
        set_slider(plane, "stop", k)
        drawn = part(plane, "plane").evaluate(DRAWN)
        assert drawn["current"] == k
        to_rate = np.polyfit(*np.transpose(drawn["rate"]), 1)
        to_distortion = np.polyfit(drawn["levels"], drawn["distortion"], 1)
        x, y = np.transpose(drawn["dots"])
        assert np.polyval(to_rate, x) == pytest.approx(rate, abs=0.02)
        assert np.polyval(to_distortion, y) == pytest.approx(distortion, abs=0.02)
        (left, right), (high, low) = (
            np.polyval(scale, drawn["line"][i::2])
            for i, scale in enumerate((to_rate, to_distortion))
        )
        assert (low - high) / (right - left) == pytest.approx(-price, rel=1e-3)
        above = distortion - np.interp(rate, [left, right], [high, low])
        assert above[k] == pytest.approx(0, abs=0.02)
        assert np.delete(above, k).min() == pytest.approx(lead[k], abs=0.05)
        # On the left axis it reads what the model was trained to lower.
        assert [left, high] == pytest.approx([0, distortion[k] + price * rate[k]], abs=0.02)


def test_the_images_on_the_screen_are_those_of_the_model(plane):
    data = data_of(plane)
    for k in (0, 4, len(data["models"]) - 1):
        set_slider(plane, "stop", k)
        for role, images in (("image", data["x"]), ("restored", data["models"][k]["restored"])):
            canvases = plane.locator(f"[data-role='{role}']").all()
            for canvas, image in zip(canvases, images, strict=True):
                ink = (PAPER - picture(canvas)) / (PAPER - INK)
                assert abs(ink.ravel() - np.array(image) / 255).max() < 0.05


def test_digits_differ_at_a_small_beta_and_are_all_the_same_at_the_largest(plane):
    def spread(stop):
        set_slider(plane, "stop", stop)
        restored = [picture(canvas) for canvas in plane.locator("[data-role='restored']").all()]
        return np.ptp(restored, axis=0).max()

    assert spread(0) > 150
    assert spread(len(data_of(plane)["models"]) - 1) < 20


def test_the_bars_are_the_rates_of_the_dimensions_on_one_scale(plane):
    rates = np.array([model["rates"] for model in data_of(plane)["models"]])
    bars = part(plane, "bars")
    for k, mine in enumerate(rates):
        set_slider(plane, "stop", k)
        height, bottom = np.transpose(
            bars.evaluate("""(svg) => [...svg.children].map((bar) => {
              const { height, bottom } = bar.getBoundingClientRect();
              return [height, bottom];
            })""")
        )
        frame = bars.evaluate("(svg) => svg.clientHeight")
        assert height == pytest.approx(frame * mine / rates.max(), abs=0.05)
        assert np.ptp(bottom) < 0.05
        silent = f"{(mine < 0.1).sum()} of {len(mine)} dimensions cost less than 0.1 nats."
        assert silent in bars.get_attribute("aria-label")
        assert silent in part(plane, "words").text_content()


def test_pointing_at_a_dot_chooses_its_model_and_a_drag_goes_on(plane):
    dots = dots_of(plane)
    for k in (5, 0, 7, 3):
        plane.mouse.click(*dots[k])
        assert stop_of(plane) == k
    plane.mouse.move(*dots[0])
    plane.mouse.down()
    for k, dot in enumerate(dots):
        plane.mouse.move(*dot, steps=3)
        assert stop_of(plane) == k
    plane.mouse.up()
    plane.mouse.move(*dots[2])  # no button: nothing follows
    assert stop_of(plane) == len(dots) - 1


def test_a_finger_does_the_same_on_a_phone(visit):
    page = begin(visit(PLANE, width=320, has_touch=True, is_mobile=True), "restored")
    for k in (7, 1):
        page.touchscreen.tap(*dots_of(page)[k])
        settle(page)
        assert stop_of(page) == k
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_it_works_by_keyboard_and_says_what_changed_once_the_hand_rests(plane):
    stop_time(plane)
    beta, rate, distortion = models_of(plane)
    said = part(plane, "announce")
    assert said.get_attribute("aria-live") == "polite"
    part(plane, "stop").focus()
    plane.keyboard.press("Home")
    for _ in range(3):
        plane.keyboard.press("ArrowRight")
        plane.clock.run_for(500)  # it holds its breath for longer
        assert said.text_content() == ""
    plane.clock.run_for(500)
    sentence = (
        f"β\u00a0=\u00a0{beta[3]:g}: rate {rate[3]:.1f} nats, distortion {distortion[3]:.1f} nats."
    )
    assert sentence.replace("-", "−") in said.text_content()
    assert part(plane, "stop").get_attribute("aria-valuetext") == f"{beta[3]:g}"


def test_it_repaints_when_the_theme_is_switched(plane):
    assert_it_repaints(plane, part(plane, "restored"))


def test_it_works_from_a_file_without_any_network(chromium):
    with from_a_file(chromium, PLANE) as page:
        begin(page, "restored")
        before = numbers_on(page)
        set_slider(page, "stop", 0)
        assert numbers_on(page) != before
