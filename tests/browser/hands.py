"""What a reader's hands do on the panels, and what the eyes see there."""

import json

import numpy as np

from tests.browser.built_book import BOOK

CHAPTER = "chapters/07-latent-space"  # the explorer, and the trainer
PLANE = "chapters/09-rate-distortion"
PATIENCE = 120_000  # ms; a slow machine takes its time


def part(page, role):
    """A part of the page's first panel: of the explorer, where there is a trainer, too."""
    return page.locator(f".vae-panel [data-role='{role}']").first


def has_panel(name):
    """Whether a page of the built book has a panel."""
    return "vae-panel" in (BOOK / f"{name}.html").read_text("utf-8")


def data_of(page):
    """The numbers that the page gives its first panel."""
    place = page.locator(".vae-panel script[type='application/json']").first
    file = BOOK / place.get_attribute("data-src").removeprefix("../")
    text = file.read_text("utf-8").partition("] = ")[2].removesuffix(";\n")
    return json.loads(text)["data"]


def begin(page, role="digit"):
    """Bring the first panel into view, and wait until the digit of this role is painted."""
    page.locator(".vae-panel").first.scroll_into_view_if_needed()  # it waits until it is near
    digit = part(page, role)
    digit.scroll_into_view_if_needed()
    page.wait_for_function(
        "(canvas) => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3] > 0",
        arg=digit.element_handle(),
    )
    return page


def settle(page):
    """Wait until what was asked for is painted."""
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")


def stop_time(page):
    """Let nothing happen by itself any more: `page.clock.run_for` decides what time it is."""
    page.clock.install(time=0)
    page.clock.pause_at(60)


def picture(canvas):
    """The gray levels of a canvas, (height, width)."""
    width, *levels = canvas.evaluate("""(canvas) => {
      const { width, height } = canvas;
      const copy = new OffscreenCanvas(width, height)
        .getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      return [width, ...data.filter((_, i) => i % 4 === 1)];
    }""")
    return np.reshape(levels, (-1, width)).astype(float)


def z_of(page):
    """Where the sliders stand."""
    return [float(part(page, name).input_value()) for name in ("z1", "z2")]


def set_slider(page, role, value):
    """Move a slider and tell the page, as a reader's hand does."""
    part(page, role).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", value
    )
    settle(page)


def at(page, z):
    """The place on the screen of a point of the plane."""
    box = part(page, "pad").bounding_box()
    return [
        box["x"] + box["width"] * (z[0] + 4) / 8,
        box["y"] + box["height"] * (4 - z[1]) / 8,
    ]


def dots_of(page):
    """The places on the screen of the models in the plane of rate and distortion."""
    part(page, "plane").scroll_into_view_if_needed()
    boxes = [dot.bounding_box() for dot in page.locator("[data-role='dot']").all()]
    return [[box["x"] + box["width"] / 2, box["y"] + box["height"] / 2] for box in boxes]


class Trainer:
    """The panel on a page, by what its reader sees."""

    def __init__(self, page):
        self.page = page
        page.set_default_timeout(PATIENCE)
        page.locator(".vae-panel").last.scroll_into_view_if_needed()  # it waits until it is near
        self.part("play").scroll_into_view_if_needed()
        self.wait("() => !role('play').disabled")

    def part(self, role):
        return self.page.locator(f"[data-role='{role}']").last

    def press(self, role):
        self.part(role).click()

    def wait(self, condition, argument=None, patience=PATIENCE):
        """Wait for a condition on roles of the panel, and their numbers, at most `patience` ms."""
        roles = (
            "const role = (name) => [...document.querySelectorAll(`[data-role=${name}]`)].at(-1);"
            "const number = (name) => Number(role(name).textContent.replaceAll(',', ''));"
        )
        self.page.wait_for_function(
            f"(value) => {{ {roles} return ({condition})(value); }}",
            arg=argument,
            timeout=patience,
        )

    def number(self, role):
        return float(self.part(role).text_content().replace(",", "").replace("–", "nan"))

    def reach(self, iterations):
        """Wait until it has trained so far."""
        self.wait("(n) => number('iteration') >= n", iterations)

    def set(self, role, value):
        """Move a slider."""
        self.part(role).evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
            value,
        )

    def says(self, text):
        self.wait("(text) => role('announce').textContent.includes(text)", text)

    def manifold(self):
        """The picture of the plane, as text that compares."""
        return self.part("manifold").evaluate("(canvas) => canvas.toDataURL()")
