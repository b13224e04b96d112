"""What a reader can play with: one ES module with two hosts, JupyterLab and the book.

In JupyterLab a panel is a widget, and Python reads and sets what it shows. In the published
book it is a piece of HTML that holds all it needs, and asks no server for anything.
"""

import base64
import html
import io
import json
import math
import re
from contextlib import suppress
from hashlib import sha256
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

from vae_lib.data.images import as_images
from vae_lib.plots import numbered_classes
from vae_lib.support.numbers import array, read

WEB = Path(__file__).with_name("web")
X_DIM = 784  # what is drawn and encoded in a page has 28×28 pixels
IN_BRACES = r"\{\s*\w+(?:\s*,\s*\w+)*\s*,?\s*\}"  # on one line or on several
IMPORT = re.compile(rf'^import {IN_BRACES} from "\./([\w.-]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
LEFT_OVER = re.compile(r"^\s*(?:import|export)\b.*", re.MULTILINE)
PAGE = """<div class="vae-panel" id="{id}">
<style>
{css}</style>
<figure class="still"><img src="data:image/png;base64,{png}" alt="{alt}">
<figcaption>{sentence}</figcaption></figure>
<div class="live" hidden></div>
<script type="application/json">{state}</script>
<script type="module">
{script}mount("{id}", render);
</script>
</div>
"""


def images_for_a_page(x: Any, side: int = 28) -> np.ndarray[Any, Any]:
    """Return images in [0, 1] as a panel shows them, `(n, side²)`, or refuse them before any work.

    Raises:
        ValueError: they have another size than side×side, or are no images in [0, 1].
    """
    x_dim = side**2
    x = array("x", x, f"from 0 to 1, (n, {x_dim})")
    shape = x.shape
    if x_dim not in (math.prod(shape), math.prod(shape[1:])):
        raise ValueError(
            f"x had the shape {shape}; the panel shows {side}×{side} pixels, so it may be "
            f"(n, {x_dim}) or (n, {side}, {side}): resize the images, and train the model on them"
        )
    return as_images(x, (x_dim,))


def checked_labels(labels: Any, count: int) -> np.ndarray[Any, Any]:
    """Return the labels of so many images as bytes, or say why they cannot be shown."""
    given = read("labels", labels, f"it may be ({count},) whole numbers from 0 to 255")
    numbers = given
    if given.dtype.kind not in "biuf":  # pandas, say, keeps whole numbers as objects
        numbers = np.array([*map(_as_number, given.flat)], np.float64)
        numbers = numbers.reshape(given.shape)
    numbered_classes(numbers, count)
    wrong = np.flatnonzero(~((numbers >= 0) & (numbers <= 255) & (numbers % 1 == 0)))
    if len(wrong):
        raise ValueError(
            f"labels held {given.tolist()[wrong[0]]!r}; it may hold whole numbers from 0 to 255: "
            "np.unique(labels, return_inverse=True)[1] numbers any classes"
        )
    return numbers.astype(np.uint8)


def _as_number(label: Any) -> float:
    """A label as a number; -1, which none may be, where it is none."""
    with suppress(OverflowError):  # an integer that no double has
        return float(label) if isinstance(label, Real) else -1.0
    return -1.0


def joined(names: tuple[str, ...]) -> str:
    """Join files of JavaScript or CSS; what they import of each other, they then have.

    Raises:
        ValueError: a file imports or exports in a way that joining would break.
    """
    text = "".join((WEB / name).read_text("utf-8") for name in names)
    text = EXPORT.sub("", IMPORT.sub("", text))
    if line := LEFT_OVER.search(text):
        raise ValueError(
            f"a panel's file held {line[0].strip()!r}; it may import names as they are, by "
            'import { a, b } from "./file.js"; and export a function, class, const or let'
        )
    return text


def worker_source(names: tuple[str, ...]) -> str:
    """A line of JavaScript that holds a worker's whole program as a string."""
    return f"const WORKER_SOURCE = {json.dumps(joined(names))};\n" if names else ""


def script_source(panel: "type[Panel]") -> str:
    """A panel's whole program, which defines `render`."""
    return worker_source(panel.worker) + joined(panel.scripts)


def png_of(figure: Figure) -> bytes:
    """Return a figure as a PNG, and close it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    plt.close(figure)
    return file.getvalue()


class Panel(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget that can also be a part of a static page.

    A subclass names its files in `scripts`, `worker` and `styles`, and has a `picture` for
    where scripts are off, and in print, with its `alt` text and a `sentence`.
    """

    scripts: ClassVar[tuple[str, ...]]
    worker: ClassVar[tuple[str, ...]] = ()
    styles: ClassVar[tuple[str, ...]]
    alt: ClassVar[str]
    sentence: ClassVar[str]
    shared: ClassVar[tuple[str, ...]] = ("data",)  # what the page is given

    data = traitlets.Dict().tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "scripts" not in cls.__dict__:
            return  # a class that traitlets makes for one widget, whose traits have these names
        cls._css = joined(cls.styles)
        cls._esm = script_source(cls) + "export default { render };\n"

    def __repr__(self) -> str:
        return f"{type(self).__name__} panel"

    def picture(self) -> Figure:
        """Draw what stands for the panel where no script runs."""
        raise NotImplementedError

    def html(self) -> str:
        """Return the panel as a piece of a page that needs nothing else."""
        state = {name: getattr(self, name) for name in self.shared}
        return page(type(self), state, png_of(self.picture()))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        formats, metadata = bundle
        return {**formats, "text/html": self.html()}, metadata


def written(state: dict[str, Any]) -> str:
    """Write a panel's numbers as its piece of a page holds them."""
    # In a script, "</" would end it early, and "<!--" keep it open; in JSON, "\\u003c" is "<".
    return json.dumps(state, sort_keys=True).replace("<", "\\u003c")


def name_of(text: str) -> str:
    """Return the `id` of the panel whose numbers are written so."""
    return f"panel-{sha256(text.encode()).hexdigest()[:8]}"


def page(panel: type[Panel], state: dict[str, Any], png: bytes) -> str:
    """Write a panel's piece of a page: its look, a still picture, its numbers, its program."""
    text = written(state)
    return PAGE.format(
        id=name_of(text),
        css=joined(panel.styles),
        png=base64.b64encode(png).decode(),
        alt=html.escape(panel.alt),
        sentence=html.escape(panel.sentence),
        state=text,
        script=script_source(panel).replace("</", "<\\/"),
    )
