"""The built book, served as GitHub Pages does: compressed, and kept for ten minutes."""

import gzip
import hashlib
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

from sphinx_external_toc.parsing import parse_toc_yaml

from tests.helpers import ROOT

BOOK = ROOT / "_build/html"
PAGES = [*parse_toc_yaml(ROOT / "_toc.yml"), "search", "genindex"]
# In the page: until the formulas are there.
TYPESET = "async () => { await window.MathJax?.startup?.promise; await document.fonts.ready; }"
TEXT = ("text/", "application/json", "application/xml", "image/svg")


@cache
def prepared(path: Path) -> tuple[bytes, dict[str, str]]:
    """Return a file's body and headers, made once for all visits."""
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    body = path.read_bytes()
    headers = {"Content-Type": kind, "Cache-Control": "max-age=600"}
    headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if kind.startswith(TEXT):
        body = gzip.compress(body, compresslevel=6)
        headers["Content-Encoding"] = "gzip"
    return body, headers | {"Content-Length": str(len(body))}


class Handler(BaseHTTPRequestHandler):
    """Answer GET with a file of `folder`, which a subclass names."""

    protocol_version = "HTTP/1.1"  # connections stay open, as they do on Pages
    folder: Path

    def do_GET(self) -> None:
        path = (self.folder / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        path = path / "index.html" if path.is_dir() else path
        if not (path.is_file() and path.is_relative_to(self.folder)):
            self.send_error(404)
            return
        body, headers = prepared(path)
        is_known = self.headers.get("If-None-Match") == headers["ETag"]
        self.send_response(304 if is_known else 200)
        for name, value in headers.items():
            if not (is_known and name.startswith("Content-")):
                self.send_header(name, value)
        self.end_headers()
        if not is_known:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the terminal for the tests."""


class Server(ThreadingHTTPServer):
    """A server that takes it calmly when a closed page leaves a connection half way."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Keep the terminal for the tests: what a page misses fails there."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; yield its address."""
    handler = type("FolderHandler", (Handler,), {"folder": folder.resolve()})
    with Server(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
