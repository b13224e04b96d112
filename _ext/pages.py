"""Make the pages light, and readable on a phone and to a screen reader.

No script that none of them uses; pictures as WebP, which loses nothing and is less than half
of PNG here, and only when they are near; printed tables that do not wrap.
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
PNG = re.compile(
    r'<img (?P<before>[^>]*src=")(?P<folder>[^"]*/)(?P<stem>[^"/]+)\.png"(?P<after>[^>]*)>'
)
WIDE = 850  # pixels; what is wider cannot be read at the width of a phone
COLUMNS = re.compile(r"\S {2,}\S")
MARKS = ("✓", "✗", "○")  # a check's line is a sentence, whatever arrays stand in it
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


def deferred(script: Any) -> Any:
    """Let a script wait for the page, so that the page need not wait for it."""
    if not script.filename or "documentation_options" in script.filename:
        return script  # scripts within the page use these options at once
    return type(script)(
        script.filename, priority=script.priority, **script.attributes | {"defer": "defer"}
    )


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
        source = f'{match["before"]}{match["folder"]}{stem}.webp"{match["after"]}'
        image = f'<img loading="lazy" decoding="async" {size} {source}>'
        return f'<span class="wide">{image}</span>' if picture.width > WIDE else image

    return PNG.sub(light, body)


def mark_columns(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Tell printed tables from lines of text: on a narrow screen they must not wrap."""
    for printed in doctree.findall(nodes.literal_block):
        lines = [line for line in printed.astext().splitlines() if line[:1] not in MARKS]
        if "stream" in printed["classes"] and COLUMNS.search("\n".join(lines)):
            printed["classes"].append("columns")


def lighten(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Drop what a page does not use, let its pictures wait, and mend its list of references."""
    if app.builder.name != "html":
        return
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context[kind] if is_used(asset)]
    if doctree is not None:  # the page of the search asks for its scripts in its own order
        context["script_files"] = list(map(deferred, context["script_files"]))
        body = with_light_pictures(app, context["body"])
        context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page before it is written."""
    app.config.templates_path.insert(0, str(TEMPLATES))
    app.add_js_file(None, body=EARLY_THEME, priority=0)
    app.connect("doctree-resolved", mark_columns)
    app.connect("html-page-context", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
