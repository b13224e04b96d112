"""Give a panel's numbers and its still picture files of their own, which a page asks for late.

A panel holds all that it needs, most of a megabyte. In a page it would hold up the words. The
numbers are a script, since a page that is a file may load no other kind of file.
"""

import base64
import io
import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx

FOLDER = "_panels"
PANEL = re.compile(r'<div class="vae-panel" id="(?P<id>[\w-]+)">.*?\n</div>\n', re.DOTALL)
NUMBERS = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)
STILL = re.compile(r'<img src="data:image/png;base64,([^"]+)"')


def lighten(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the files of a page's panels, and let the page name them."""
    if app.builder.format != "html" or "vae-panel" not in context.get("body", ""):
        return
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    above = "../" * page.count("/") + FOLDER

    def light(match: re.Match[str]) -> str:
        def numbers(found: re.Match[str]) -> str:
            json.loads(found[1])  # it becomes a script: no more than numbers may be in it
            script = f'(window.vaePanels ??= {{}})["{match["id"]}"] = {found[1]};\n'
            (folder / f"{match['id']}.js").write_text(script, "utf-8")
            source = f'data-src="{above}/{match["id"]}.js"'
            return f'<script type="application/json" {source}></script>'

        def still(found: re.Match[str]) -> str:
            content = base64.b64decode(found[1])
            name = f"{sha256(content).hexdigest()[:16]}.webp"
            with Image.open(io.BytesIO(content)) as picture:
                picture.convert("RGB").save(folder / name, lossless=True, quality=100)
                size = f'width="{picture.width}" height="{picture.height}"'
            return f'<img loading="lazy" decoding="async" {size} src="{above}/{name}"'

        return STILL.sub(still, NUMBERS.sub(numbers, match[0], count=1), count=1)

    context["body"] = PANEL.sub(light, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page before it is written."""
    app.connect("html-page-context", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
