"""Give each built page a content security policy: its own scripts run, and no other.

The theme and the panels write scripts into the page; the policy names each by its hash. Of what
a chapter's text or a cell's output holds, only a panel's program is named.
"""

import base64
import re
from hashlib import sha256
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, Tag

CHARSET = re.compile(r'<meta charset="utf-8"\s*/?>', re.IGNORECASE)
DATA = {"application/json", "application/ld+json", "text/x-thebe-config"}  # never run
IN_THE_TEXT = "kernelName = 'python3'"  # the one script that the theme writes there
POLICY = (
    "default-src 'none'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "script-src 'self' 'unsafe-hashes' {hashes}; "
    "style-src 'self' 'unsafe-inline'; "  # MathJax, the theme and SVG write styles into the page
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:"
)


def hash_source(text: str) -> str:
    """Return how a policy names a script."""
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def is_own(tag: Tag) -> bool:
    """Tell what the theme or a panel wrote from what stands in the text of a page."""
    if tag.find_parent("article") is None:
        return True
    is_program = tag.find_parent(class_="vae-panel") is not None or tag.get_text() == IN_THE_TEXT
    return tag.name == "script" and is_program


def programs(page: BeautifulSoup) -> list[str]:
    """Return the scripts and the handlers of events that a page's makers wrote into it."""
    found = [
        tag.get_text()
        for tag in page.find_all("script", src=False)
        if is_own(tag) and tag.get("type") not in DATA
    ]
    for tag in page.find_all(True):
        if is_own(tag):
            found += [value for name, value in tag.attrs.items() if name.startswith("on")]
    return list(dict.fromkeys(found))


def with_policy(text: str) -> str:
    """Return a page with its policy, before any script in it.

    Raises:
        ValueError: the page does not say its encoding, below which the policy stands.
    """
    hashes = sorted(map(hash_source, programs(BeautifulSoup(text, "html.parser"))))
    policy = escape(POLICY.format(hashes=" ".join(hashes)))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    page, count = CHARSET.subn(lambda found: f"{found[0]}\n{meta}", text, count=1)
    if count == 0:
        raise ValueError('a page had no <meta charset="utf-8">; its policy stands below it')
    return page


def protect(html: Path) -> None:
    """Give each page of a built book its policy."""
    for path in sorted(html.rglob("*.html")):
        if html / "_static" not in path.parents:  # those are the theme's templates
            path.write_text(with_policy(path.read_text("utf-8")), "utf-8")
