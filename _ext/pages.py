"""Make the pages light: no script that none of them uses, and pictures small, when they are near.

Pictures become WebP, which is less than half of PNG here and loses nothing.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx

# Jupyter Book brings them along: cells that run on a server, tabs, cards.
UNUSED = ("sphinx-thebe", "THEBE_JS_URL", "design-tabs", "sphinx-design")
TEMPLATES = Path(__file__).parent / "templates"
PNG = re.compile(r'<img (?P<before>[^>]*src=")(?P<folder>[^"]*/)(?P<stem>[^"/]+)\.png"')
# Until the theme's own script runs, at the end of the page, "auto" would be light.
EARLY_THEME = """\
if (document.documentElement.dataset.mode === "auto") {
  const isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}"""


def is_used(asset: Any) -> bool:
    """Tell a script or style sheet that the book uses."""
    text = f"{asset.filename} {getattr(asset, 'attributes', {}).get('body')}"
    return not any(name in text for name in UNUSED)


def with_light_pictures(app: Sphinx, body: str) -> str:
    """Have each picture wait until it is near; its size is given, so that nothing jumps then."""
    sources = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}

    def light(match: re.Match[str]) -> str:
        stem = match["stem"]
        copy = Path(app.outdir, app.builder.imagedir, f"{stem}.webp")
        copy.parent.mkdir(exist_ok=True)
        with Image.open(sources[f"{stem}.png"]) as picture:
            picture.convert("RGB").save(copy, lossless=True, quality=100)
            size = f'width="{picture.width}" height="{picture.height}"'
        source = f'{match["before"]}{match["folder"]}{stem}.webp"'
        return f'<img loading="lazy" decoding="async" {size} {source}'

    return PNG.sub(light, body)


def lighten(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Drop what a page does not use, and let its pictures wait."""
    if app.builder.name != "html":
        return
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context[kind] if is_used(asset)]
    if doctree is not None:
        context["body"] = with_light_pictures(app, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page before it is written."""
    app.config.templates_path.insert(0, str(TEMPLATES))
    app.add_js_file(None, body=EARLY_THEME, priority=0)
    app.connect("html-page-context", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
