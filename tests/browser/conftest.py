"""What every test in a browser has: Chromium, the built book, pages that are watched."""

import pytest

from tests.browser.built_book import BOOK, PAGES, TYPESET, serving
from tests.browser.hands import PATIENCE
from tests.helpers import chromium_or_skipped
from tools.browser import find_browser
from tools.pdf import NAME

# Nothing glides or fades: what a test sees is what stays.
STILL = "* { scroll-behavior: auto !important; transition: none !important }"


def pytest_configure():
    if find_browser() and not (BOOK / NAME).exists():
        raise pytest.UsageError("there is no printed book in _build/html: run `make pdf` first")


def pytest_generate_tests(metafunc):
    """Give a test that asks for `name` each page of the book by turns."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", PAGES)


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium; without one, each test is skipped and says why."""
    with chromium_or_skipped() as browser:
        yield browser


@pytest.fixture(scope="session")
def site():
    """The address at which the book is served."""
    with serving(BOOK) as address:
        yield address


def watch(page, site, faults):
    """Note what a reader with the console open would see, and what another host would."""

    def said(message):
        if message.type in {"error", "warning"}:
            faults.append(f"console: {message.text} ({message.location.get('url')})")

    def asked(request):
        if not request.url.startswith((site, "data:", "blob:")):
            faults.append(f"asks another host: {request.url}")

    page.on("console", said)
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("request", asked)


@pytest.fixture
def visit(chromium, site):
    """Open a page as a new reader; in the end nothing may have gone wrong on it."""
    faults, contexts = [], []

    def opened(name, width=1280, theme="light", **settings):
        settings |= {"viewport": {"width": width, "height": 900}, "color_scheme": theme}
        context = chromium.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watch(page, site, faults)
        page.goto(f"{site}/{name}.html")
        page.evaluate(TYPESET)
        page.add_style_tag(content=STILL)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []
