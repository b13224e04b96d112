"""Many readers at once and a plain server of files: each gets every page, and what it needs.

By default a few of them walk through the whole book. `make load` sends 200, for a minute.
"""

import os
import random
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup

from tests.browser.built_book import BOOK, PAGES

READERS = int(os.environ.get("VAE_LIB_READERS", "4"))
SECONDS = 60  # after which a reader that is still walking stops
STYLE = re.compile(rb"""url\(["']?([^"')#?]+)""")


@contextmanager
def plainly_served(folder):
    """Serve a folder as Python does, without compressing and keeping; yield host and port."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--directory", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            yield "127.0.0.1", int(re.search(r"port (\d+)", server.stdout.readline())[1])
        finally:
            server.kill()


def linked(path, body):
    """The paths on the same server that a page or a style sheet names."""
    found = []
    if path.endswith(".html"):
        tags = BeautifulSoup(body, "html.parser").find_all(
            lambda tag: {"href", "src"} & {*tag.attrs}
        )
        found = [tag.get("href") or tag.get("src") for tag in tags]
    elif path.endswith(".css"):
        found = [name.decode() for name in STYLE.findall(body)]
    places = [urlsplit(urljoin(f"http://book{path}", name)) for name in found]
    return {place.path for place in places if place.netloc == "book"}


def walk(server, number, known, end):
    """Follow all links from the front page, in an order of one's own; return paths and faults."""
    chance, seen, left, faults = random.Random(number), set(), ["/index.html"], []
    while left and time.monotonic() < end:
        path = left.pop(chance.randrange(len(left)))
        seen.add(path)
        connection = HTTPConnection(*server, timeout=SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            faults.append((path, repr(error)))
            continue
        finally:
            connection.close()
        file = BOOK / unquote(path).lstrip("/")
        if answer.status != 200 or body != file.read_bytes():
            faults.append((path, answer.status, len(body)))
            continue
        if path not in known:
            known[path] = linked(path, body)
        left += known[path] - seen - {*left}
    return seen, faults


def test_every_reader_of_many_gets_every_page_whole():
    known, start = {}, time.monotonic()
    end = start + SECONDS if "VAE_LIB_READERS" in os.environ else float("inf")
    with plainly_served(BOOK) as server, ThreadPoolExecutor(READERS) as pool:
        walks = list(pool.map(lambda k: walk(server, k, known, end), range(READERS)))
    asked = sum(len(seen) for seen, _ in walks)
    print(f"{READERS} readers: {asked:,} files in {time.monotonic() - start:.0f} s")
    assert [faults for _, faults in walks] == [[]] * READERS
    everything = set.union(*(seen for seen, _ in walks))
    assert {f"/{page}.html" for page in PAGES} <= everything
    if end == float("inf"):
        assert all(seen == everything for seen, _ in walks)
