"""Whoever a file comes from, nothing of it is executed; what is installed is what was locked."""

import hashlib
import json
import re
import subprocess
import tomllib
from functools import partial
from html import escape
from importlib.metadata import distributions
from urllib.parse import quote

import nbformat
import pytest
import yaml

from tests.helpers import ROOT
from tools import policy
from tools.browser import REMEDY, find_browser, launched
from vae_lib.panels.panel import Panel, page
from vae_lib.runs.page import write_page

V4 = nbformat.v4
EVIL = """<img src=x onerror="window.ran='image'"><script>window.ran='script'</script>"""
WIDTH = """1" onerror="window.ran='width'"""
RAN = "() => window.ran"
DIGEST = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
MAY_WRITE = {
    ("publish", "launch"): {"contents": "write"},
    ("publish", "deploy"): {"pages": "write", "id-token": "write"},
}
FREE = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Zlib|HPND|Unlicense")
# Their packages name no license in a form that a program reads; the files in them do.
READ_BY_HAND = {
    "namex": "Apache-2.0",
    "axe-playwright-python": "MIT; axe-core in it, MPL-2.0",
}
BROUGHT = re.compile(r"(^_vendor/|\.(woff2?|ttf|otf|npz|wasm|min\.js|min\.css|gz|zip|whl|keras)$)")


def workflows():
    return sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def chromium():
    if find_browser() is None:
        pytest.skip(REMEDY)
    with launched() as browser:
        yield browser


@pytest.fixture
def opened(chromium):
    """Open a file in Chromium; return the page, when all has had its chance to run."""
    pages = []

    def opened(path):
        pages.append(chromium.new_page())
        pages[-1].goto(path.as_uri(), wait_until="load")
        pages[-1].evaluate("() => new Promise((done) => setTimeout(done, 50))")
        return pages[-1]

    yield opened
    for each in pages:
        each.close()


def test_each_locked_file_has_a_hash():
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    files = [f for p in packages for f in [*p.get("wheels", []), p.get("sdist")] if f]
    assert len(files) > 1000
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]) for file in files)
    foreign = [p["name"] for p in packages if "registry" not in p["source"]]
    assert foreign == ["vae-lib"]


def test_uv_itself_is_installed_by_hash():
    pip = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    locked = [line for line in pip if "--require-hashes" in line]
    assert len(locked) == 1
    assert locked[0].endswith("-r tools/uv.txt")
    # PyTorch and JAX, beside which the book is measured, come by version: see bench/peers.txt.
    assert [line.split()[-1] for line in pip if line not in locked] == ["bench/peers.txt"]
    assert "--hash=sha256:" in (ROOT / "tools/uv.txt").read_text()


def test_the_tests_and_the_book_install_from_the_lock_file_only():
    commands = [
        step["run"]
        for path in workflows()
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert commands
    assert not [c for c in commands if re.search(r"\b(pip|uv|conda|npm|curl|wget)\b", c)]
    assert "sync --frozen" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.stem)
def test_a_workflow_names_each_action_by_digest_and_may_do_the_least(path):
    text = path.read_text()
    uses = [line.partition("uses:")[2].strip() for line in text.splitlines() if "uses:" in line]
    assert uses
    assert [each for each in uses if not DIGEST.fullmatch(each)] == []
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("permissions", {}) == MAY_WRITE.get((path.stem, name), {})
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
    assert "pull_request_target" not in text


def test_one_action_has_one_digest():
    text = "\n".join(path.read_text() for path in workflows())
    pairs = set(re.findall(r"uses: ([\w/-]+)@(\w+)", text))
    assert len(pairs) == len({name for name, _ in pairs})


def test_what_is_installed_is_under_a_free_license():
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = {package["name"] for package in packages} - {"vae-lib"}
    unknown = {}
    for each in distributions():
        name = re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower()
        kinds = each.metadata.get_all("Classifier") or []
        said = [each.metadata.get("License-Expression"), each.metadata.get("License")]
        said += [kind for kind in kinds if kind.startswith("License ::")]
        text = " ".join(filter(None, said))
        if name in locked and name not in READ_BY_HAND and not FREE.search(text):
            unknown[name] = text
    assert unknown == {}


def test_what_was_brought_along_is_listed_with_version_license_and_hash():
    listed = {}
    for each in json.loads((ROOT / "tools/vendored.json").read_text()):
        assert all(each[key] for key in ("name", "version", "license", "source"))
        assert (ROOT / each["license_file"]).is_file()
        listed |= each["files"]
    for name, digest in listed.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest, name
    git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    brought = {name for name in git.stdout.splitlines() if BROUGHT.search(name)}
    assert brought - set(listed) == set()


PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8" /><title>{title}</title>
<script>window.own = 1;</script></head><body onload="window.loaded = 1">{outside}
<article>{text}<div class="vae-panel"><script type="module">window.panel = 1;</script></div>
</article></body></html>"""


def test_a_pages_own_scripts_run_and_what_a_text_or_an_output_holds_does_not(opened, tmp_path):
    path = tmp_path / "page.html"
    text = PAGE.format(title=escape(EVIL), text=EVIL, outside="")
    path.write_text(policy.with_policy(text))
    tab = opened(path)
    assert tab.evaluate("[window.own, window.loaded, window.panel]") == [1, 1, 1]
    assert tab.evaluate(RAN) is None


@pytest.mark.parametrize(
    "evil",
    [
        EVIL,
        "<script src='data:text/javascript,window.ran=1'></script>",
        "<svg onload='window.ran=1'></svg>",
        "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
        "<script type=module>window.ran=1</script>",
        "<object data='data:text/html,<script>parent.ran=1</script>'></object>",
        "<script>window.ran=eval('1')</script>",
    ],
)
def test_what_is_put_into_a_page_after_it_was_built_does_not_run(evil, opened, tmp_path):
    path = tmp_path / "page.html"
    built = policy.with_policy(PAGE.format(title="A page", text="", outside="<!--here-->"))
    path.write_text(built.replace("<!--here-->", evil))
    tab = opened(path)
    assert tab.evaluate("window.own") == 1
    assert tab.evaluate(RAN) is None


def test_a_page_without_an_encoding_is_refused():
    with pytest.raises(ValueError, match="charset"):
        policy.with_policy("<html><head><script>1</script></head></html>")


def outputs():
    """Outputs of each kind that a notebook keeps, all of them hostile."""
    show = partial(V4.new_output, "display_data")
    return [
        show(data={"text/html": EVIL}),
        show(data={"text/html": "<a href='javascript:window.ran=1' id=link>a link</a>"}),
        show(data={"application/javascript": "window.ran='javascript'"}),
        show(data={"image/svg+xml": "<svg onload=\"window.ran='svg'\"></svg>"}),
        show(data={"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"width": WIDTH}}),
        show(data={"text/latex": EVIL}),
        show(data={"text/markdown": EVIL}),
        V4.new_output("stream", text=EVIL),
    ]


def test_nothing_of_a_notebook_runs_in_the_page_of_its_run(opened, tmp_path):
    cells = [V4.new_markdown_cell(f"# A title {EVIL}")]
    cells += [V4.new_code_cell("1", execution_count=1, outputs=[each]) for each in outputs()]
    name = "<img src=x onerror=window.ran=1>.ipynb"
    nbformat.write(V4.new_notebook(cells=cells, metadata={"title": EVIL}), tmp_path / name)
    asked = []
    html = write_page(tmp_path / name)
    assert quote(html.name) in html.as_uri()
    tab = opened(html)
    tab.on("request", lambda request: asked.append(request.url))
    tab.locator("#link").click()
    assert tab.evaluate(RAN) is None
    assert asked == []
    assert "https://cdnjs" not in html.read_text()


class Hostile(Panel):
    """A panel whose words, numbers and names are HTML."""

    scripts = ("parts.js",)
    styles = ("panel.css",)
    alt = f'"{EVIL}'
    sentence = EVIL


def test_a_panels_words_and_numbers_stay_text(opened, tmp_path):
    path = tmp_path / "panel.html"
    html = page(Hostile, {"data": {"name": f"</script>{EVIL}<!--<script>"}}, b"")
    html = re.sub(r'(?s)<script type="module">.*?</script>', "", html)
    path.write_text(f'<!doctype html><meta charset="utf-8">{html}')
    tab = opened(path)
    assert tab.evaluate(RAN) is None
    assert tab.locator("figcaption").text_content() == EVIL
    held = "JSON.parse(document.querySelector('script[type=\"application/json\"]').text).data.name"
    assert tab.evaluate(held) == f"</script>{EVIL}<!--<script>"
