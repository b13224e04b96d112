"""What a reader's hands do on the panels, and what the eyes see there; their modules alone."""

import base64
import json
import re
from contextlib import contextmanager

import numpy as np

from tests.browser.built_book import BOOK
from vae_lib.model import VAE
from vae_lib.panels.panel import WEB, joined
from vae_lib.panels.quantization import IntegerLayer, QuantizedVAE, base64_text

CHAPTER = "chapters/07-latent-space"  # the explorer, and the trainer
PLANE = "chapters/09-rate-distortion"
USES = "chapters/11-uses"
PATIENCE = 120_000  # ms; a slow machine takes its time


def part(page, role):
    """A part of the page's first panel: of the explorer, where there is a trainer, too."""
    return page.locator(f".vae-panel [data-role='{role}']").first


def has_panel(name):
    """Whether a page of the built book has a panel."""
    return "vae-panel" in (BOOK / f"{name}.html").read_text("utf-8")


@contextmanager
def module_page(chromium, *names):
    """Yield a page on which `vae` has what these files export."""
    text = "".join((WEB / name).read_text("utf-8") for name in names)
    exported = re.findall(r"^export (?:function|class|const) (\w+)", text, re.MULTILINE)
    text = f"{joined(names)}export {{ {', '.join(exported)} }};"
    module = base64.b64encode(text.encode()).decode()
    tab = chromium.new_page()
    tab.evaluate(
        f"async () => {{ window.vae = await import('data:text/javascript;base64,{module}'); }}"
    )
    yield tab
    tab.close()


def run(tab, body, **arguments):
    """Run the body of a function; arrays go in as float32 and come back as float64."""
    sent = {
        name: {"float32": base64_text(np.asarray(value, np.float32))}
        if isinstance(value, np.ndarray)
        else value
        for name, value in arguments.items()
    }
    names = ", ".join(sent)
    script = f"""(sent) => {{
      for (const name in sent) if (sent[name]?.float32) sent[name] = vae.floats(sent[name].float32);
      const {{ {names} }} = sent;
      const plain = (value) => ArrayBuffer.isView(value) ? Array.from(value) : value;
      const result = (() => {{ {body} }})();
      return Array.isArray(result) ? result.map(plain) : plain(result);
    }}"""
    return tab.evaluate(script, sent)


def numbers_of(place):
    """The numbers that a panel of the built book carries, which stand in a file of their own."""
    source = place.locator("script[type='application/json']").get_attribute("data-src")
    text = (BOOK / source.removeprefix("../")).read_text("utf-8")
    return json.loads(text.partition("] = ")[2].removesuffix(";\n"))["data"]


def unpacked(packed):
    """NumPy's twin of a network that a page carries."""
    x_dim, h_dim, z_dim = (packed["sizes"][name] for name in ("x_dim", "h_dim", "z_dim"))
    sizes = (x_dim, h_dim), (h_dim, z_dim), (h_dim, z_dim), (z_dim, h_dim), (h_dim, x_dim)
    integers, scales, biases = (
        np.frombuffer(base64.b64decode(packed[name]), kind)
        for name, kind in (("weights", np.int8), ("scales", "<f4"), ("biases", "<f4"))
    )
    layers, first, unit = [], 0, 0
    for inputs, outputs in sizes:
        weights = integers[first : first + inputs * outputs].reshape(inputs, outputs)
        of_layer = slice(unit, unit + outputs)
        layers.append(IntegerLayer(weights, scales[of_layer], biases[of_layer]))
        first, unit = first + weights.size, unit + outputs
    return QuantizedVAE(*layers)


def rounded_model(twin):
    """The library's model whose weights are those of a twin."""
    h_dim, z_dim = twin.mean.integers.shape
    model = VAE(z_dim, h_dim, len(twin.logits.bias))
    model.set_weights(
        [each for layer in twin for each in (layer.integers * layer.scale, layer.bias)]
    )
    return model


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


def assert_it_repaints(page, canvas):
    """Switch the page to the dark theme: what was paper in the first corner is dark at once."""
    assert picture(canvas)[0, 0] > 240
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    settle(page)
    assert picture(canvas)[0, 0] < 50


@contextmanager
def from_a_file(chromium, name):
    """Yield a page that is opened as a file, without any network; it may ask for none."""
    context = chromium.new_context(offline=True)
    page, asked, faults = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: said.type == "error" and faults.append(said.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((BOOK / f"{name}.html").as_uri())
    yield page
    context.close()
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    assert faults == []


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


class Panel:
    """The last panel on a page, by what its reader sees."""

    def __init__(self, page):
        self.page = page
        page.set_default_timeout(PATIENCE)
        page.locator(".vae-panel").last.scroll_into_view_if_needed()  # it waits until it is near

    def part(self, role):
        return self.page.locator(f"[data-role='{role}']").last

    def press(self, role):
        self.part(role).click()

    def says(self, text):
        self.wait("(text) => role('announce').textContent.includes(text)", text)

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


class Trainer(Panel):
    """The trainer on a page."""

    def __init__(self, page):
        super().__init__(page)
        self.part("play").scroll_into_view_if_needed()
        self.wait("() => !role('play').disabled")

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

    def manifold(self):
        """The picture of the plane, as text that compares."""
        return self.part("manifold").evaluate("(canvas) => canvas.toDataURL()")


class Completer(Panel):
    """The completer on a page."""

    def __init__(self, page):
        super().__init__(page)
        self.part("hiding").scroll_into_view_if_needed()
        self.finish()

    def finish(self):
        """Wait until the completions are those of what is on the pad."""
        self.wait("() => role('effective').closest('[aria-busy]').ariaBusy === 'false'")
        settle(self.page)

    def numbers(self):
        """The three numbers, as they stand there; a dash where there is none."""
        texts = (self.part(role).text_content() for role in ("effective", "apart", "truth"))
        return [float(text.split()[0].replace("–", "nan")) for text in texts]

    def pictures(self):
        """The six completions, (6, side, side)."""
        return np.array([picture(self.part(f"completion-{k}")) for k in range(1, 7)])

    def drag(self, *places):
        """Hide along a line of places in [0, 1]² with the mouse."""
        box = self.part("hiding").bounding_box()
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for place in at[1:]:
            self.page.mouse.move(*place, steps=8)
        self.page.mouse.up()
        self.finish()
