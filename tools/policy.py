"""Give each built page a content security policy: the book's own scripts run, and no other.

What may run is listed here, whatever stands around it on a page: the theme's lines by their
hashes, MathJax's settings as long as they are data, and a panel's program as long as it is made
of the files of `vae_lib/panels/web`.
"""

import base64
import json
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from vae_lib.panels.panel import WEB, joined
from vae_lib.support.policy import put_policy

POLICY = (
    "default-src 'none'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "script-src 'self' 'unsafe-hashes' {hashes}; "
    "style-src 'self' 'unsafe-inline'; "  # MathJax, the theme and SVG write styles into the page
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:"
)
# The theme's, and `_ext/pages.py`'s. The console of a browser names the hash of a new one.
THEME = {
    "the theme of last time": "P1Gd/Wqjqq8uduID7MOciZi3jIWvAuyCldpRMjsiEjw=",
    "the theme before the page is painted": "Mdq1jEN+6XqkroIVOZro9AcySl9eR9kgRYNDtps7Jp0=",
    "the button that changes the theme": "ymVQCFLrz1wZEVyK7Hz4xFmKL+n6/my1jt/wFORn88g=",
    "the button of the search, above": "LF96sWcXccMzvAMeWDn9wNCYHg+MmQlOUvamZq9ACqY=",
    "the button of the search, at the side": "lsDjnafHQ68zUxMui1IA598rGFWlv6Wsb1Z+wXuEnts=",
    "the focus on the page of the search": "mNyD6WQ4vKGmtbf2Mk6RMjMo7k6Ib4wzc6b1fvYgVHE=",
    "toggleHintShow": "0ysgQORJN47/EUTghWD1YTjEV1Juh4KAG4PeoPPRgDk=",
    "toggleHintHide": "pH3yt92lhQNFBWt4vXOLwSWBTKDsryr1//6kIMDlG2k=",
    "toggleOpenOnPrint": "FqfirzFHtRrANndrt9LFhvjuJAu6+Nu06S6SzGfHlvE=",
    "togglebuttonSelector": "I0O+LkYBdTrXbI52RlP9O+S0aJ9NPgUrB5OaBpP2uHA=",
    "kernelName": "B2z8ojAZ2CuB4KdvqPES9/rZDL4n1G8Uw3Nn+wSVXM0=",
    "toggleFullScreen()": "VwzZ5SOy5UAXcNOSG7d3gmH7pMYCtE8xHYlRiqNvhzI=",
    "window.print()": "MguIPR6qNR8D3B+eAlK+bIRTZe8t3wkOY4B/56Me9FU=",
}
SCRIPT = re.compile(r"<script(?: type=\"module\")?>(.*?)</script>", re.DOTALL)
SETTINGS = "window.MathJax = "


def hash_of(program: str) -> str:
    """Return how a policy names a script."""
    return base64.b64encode(sha256(program.encode()).digest()).decode()


@cache
def panel_program() -> re.Pattern[str]:
    """Return what a panel's program looks like: these files, one after another."""
    files = [joined((path.name,)) for path in sorted(WEB.glob("*.js"))]
    texts = [json.dumps(file)[1:-1] for file in files]  # as a worker's program holds them
    lines, strings = (
        "|".join(re.escape(each.replace("</", "<\\/")) for each in kind) for kind in (files, texts)
    )
    worker = rf'const WORKER_SOURCE = "(?:{strings})+";\n'
    return re.compile(rf'\n(?:{worker})?(?:{lines})+mount\("panel-[0-9a-f]{{8}}", render\);\n')


def is_data(settings: str) -> bool:
    """Tell MathJax's settings, which hold no program."""
    try:
        json.loads(settings.removeprefix(SETTINGS))
    except ValueError:
        return False
    return settings.startswith(SETTINGS)


def own_programs(text: str) -> Iterator[str]:
    """Yield the scripts of a page that differ from page to page, and are the book's own."""
    for (script,) in map(re.Match.groups, SCRIPT.finditer(text)):
        if is_data(script) or panel_program().fullmatch(script):
            yield script


def with_policy(text: str) -> str:
    """Return a page with the policy under which the book's own scripts run.

    Raises:
        ValueError: see `put_policy`.
    """
    own = map(hash_of, own_programs(text))
    hashes = " ".join(f"'sha256-{each}'" for each in sorted({*THEME.values(), *own}))
    return put_policy(text, POLICY.format(hashes=hashes))


def protect(html: Path) -> None:
    """Give each page of a built book its policy."""
    for path in sorted(html.rglob("*.html")):
        if html / "_static" not in path.parents:  # those are the theme's templates
            path.write_text(with_policy(path.read_text("utf-8")), "utf-8")
