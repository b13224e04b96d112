"""Find the system's Chromium, and drive it: for the tests of the pages, and for print."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
REMEDY = "no Chromium on PATH: install the system's package, for example `apt install chromium`"
QUIET = ["--disable-background-networking", "--disable-gpu"]  # it asks no host by itself


def find_browser() -> Path | None:
    """Return the program of the first Chromium on PATH, if there is one."""
    programs = map(shutil.which, PROGRAMS)
    return next((Path(program) for program in programs if program), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a Chromium without a window, and close it at the end."""
    program = find_browser()
    if program is None:
        raise FileNotFoundError(REMEDY)
    # Chromium's sandbox refuses to work for root, as which containers run.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=QUIET, chromium_sandbox=not is_root
        )
        try:
            yield browser
        finally:
            browser.close()
