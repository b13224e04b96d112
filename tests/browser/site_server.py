"""Serve a folder as GitHub Pages does: compressed, and kept by the browser for ten minutes."""

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

TEXT = ("text/", "application/json", "application/xml", "image/svg")


@cache
def compressed(path: Path) -> bytes:
    """Compress a file once for all visits."""
    return gzip.compress(path.read_bytes(), compresslevel=6)


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
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        body = compressed(path) if kind.startswith(TEXT) else path.read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        fresh = self.headers.get("If-None-Match") == tag
        self.send_response(304 if fresh else 200)
        self.send_header("ETag", tag)
        self.send_header("Cache-Control", "max-age=600")
        if not fresh:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if kind.startswith(TEXT):
                self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if not fresh:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the terminal for the tests."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; yield its address."""
    handler = type("FolderHandler", (Handler,), {"folder": folder.resolve()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
