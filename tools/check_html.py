"""Check the built book: every page there and whole, nothing fetched from another host."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

from tools.chapters import pages_of
from vae_lib.support.files import write_text

# A link element names a page, unless its relation makes the browser fetch something.
FETCHING = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect"}
FETCHING |= {"dns-prefetch", "manifest", "apple-touch-icon"}
CSS_URL = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
SCRIPT_FETCH = re.compile(r"""(?:\b(?:import|fetch|from)\b|\.src\s*=)\s*\(?\s*["'`](https?:)?//""")
IMAGE_FILE = re.compile(r"\.(png|svg|jpe?g|gif|webp)$", re.IGNORECASE)


class Page(NamedTuple):
    """What is found on one HTML file, whatever the others hold.

    Attributes:
        ids: every target that a fragment can name.
        fetched: every address that the browser loads by itself.
        links: every address that the reader may follow.
        faults: what is wrong with the page alone.
    """

    ids: list[str]
    fetched: list[str]
    links: list[str]
    faults: list[str]


def page_of(text: str) -> Page:
    """Parse a file and look at it."""
    soup = BeautifulSoup(text, "html.parser")
    fetched = list(fetched_by(soup))
    faults = [*output_faults(soup), *image_faults(soup), *fetch_faults(soup, fetched)]
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    return Page(ids, fetched, [tag["href"] for tag in soup.find_all("a", href=True)], faults)


def fetched_by(soup: BeautifulSoup) -> Iterator[str]:
    """Yield every address that the browser loads by itself."""
    for tag in soup.find_all(["script", "img", "iframe", "source", "embed", "video"]):
        yield from filter(None, [tag.get("src"), tag.get("poster")])
        yield from (part.split()[0] for part in tag.get("srcset", "").split(",") if part)
    for tag in soup.find_all("link", href=True):
        if FETCHING & set(tag.get("rel", [])):
            yield tag["href"]
    for tag in soup.find_all("object", data=True):
        yield tag["data"]
    for style in soup.find_all("style"):
        yield from css_urls(style.get_text())
    for tag in soup.find_all(style=True):
        yield from css_urls(tag["style"])


def css_urls(text: str) -> Iterator[str]:
    """Yield the addresses that a style sheet loads."""
    for match in CSS_URL.finditer(text):
        yield (match[1] or match[2]).strip()


def is_external(address: str) -> bool:
    """Tell whether an address names a host."""
    return bool(urlsplit(address).netloc)


def output_faults(soup: BeautifulSoup) -> Iterator[str]:
    """Find outputs that no reader should see."""
    if soup.select_one(".output.traceback"):
        yield "shows a traceback"
    elif any("Traceback (most recent" in out.get_text() for out in soup.select(".output")):
        yield "prints a traceback"
    if soup.select_one(".output.stderr"):
        yield "shows what a cell wrote to stderr"


def image_faults(soup: BeautifulSoup) -> Iterator[str]:
    """Find images that say nothing to who cannot see them."""
    for image in soup.find_all("img"):
        alt = image.get("alt", "").strip()
        if not alt:
            yield f"image without alt text: {image.get('src')}"
        elif IMAGE_FILE.search(alt):
            yield f"alt text is a file name: {alt}"


def fetch_faults(soup: BeautifulSoup, fetched: list[str]) -> Iterator[str]:
    """Find what would be fetched from another host."""
    for address in fetched:
        if is_external(address):
            yield f"fetches from another host: {address}"
    for script in soup.find_all("script", src=False):
        if match := SCRIPT_FETCH.search(script.get_text()):
            yield f"a script fetches from another host: {script.get_text()[match.start() :][:80]}"


def link_faults(path: Path, pages: dict[Path, Page], html: Path) -> Iterator[str]:
    """Find links, images and other references that lead nowhere."""
    for address in [*pages[path].links, *pages[path].fetched]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_relative_to(html) or not target.is_file():
            yield f"leads nowhere: {address}"
        elif target in pages and unquote(parts.fragment) not in ["", *pages[target].ids]:
            yield f"leads to no such place on the page: {address}"


def style_faults(sheet: Path) -> Iterator[str]:
    """Find what a style sheet would fetch from another host, or in vain."""
    for address in css_urls(sheet.read_text("utf-8")):
        parts = urlsplit(address)
        if parts.netloc:
            yield f"fetches from another host: {address}"
        elif not parts.scheme and parts.path and not (sheet.parent / unquote(parts.path)).is_file():
            yield f"leads nowhere: {address}"


def pages_below(html: Path, memory: Path | None) -> dict[Path, Page]:
    """Look at each page; one that is as it was when `memory` was written is not parsed again."""
    known = json.loads(memory.read_text("utf-8")) if memory and memory.exists() else {}
    looked, seen, pages = Path(__file__).read_bytes(), {}, {}
    for path in sorted(html.rglob("*.html")):
        if html / "_static" not in path.parents:  # there are the theme's templates
            content = path.read_bytes()
            key = hashlib.sha256(looked + content).hexdigest()
            pages[path] = Page(*known[key]) if key in known else page_of(content.decode())
            seen[key] = pages[path]
    if memory:
        write_text(memory, json.dumps(seen))
    return pages


def faults(html: Path, source: Path, memory: Path | None = None) -> list[str]:
    """Return one line for each fault of a book that was built from a folder."""
    html = html.resolve()
    found = [
        f"{name}.html: named in _toc.yml, but not built"
        for name in pages_of(source)
        if not (html / f"{name}.html").is_file()
    ]
    pages = pages_below(html, memory)
    for path, page in pages.items():
        own = [*page.faults, *link_faults(path, pages, html)]
        found += [f"{path.relative_to(html)}: {fault}" for fault in dict.fromkeys(own)]
    for sheet in sorted(html.rglob("*.css")):
        found += [f"{sheet.relative_to(html)}: {fault}" for fault in style_faults(sheet)]
    return found
