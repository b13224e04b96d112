"""Whoever a file comes from, nothing of it is executed; what is installed is what was locked."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import time
import tomllib
from contextlib import contextmanager
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distributions
from threading import Thread
from types import SimpleNamespace
from urllib.parse import quote

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import yaml
from PIL import Image

from _ext import panels
from tests.helpers import ROOT, wait_for
from tools import book, policy
from vae_lib.data import DataError, load_images
from vae_lib.panels.panel import Panel, page
from vae_lib.plots import latent_map
from vae_lib.runs.command_line import main
from vae_lib.runs.page import write_page
from vae_lib.support.printing import say, visible

V4 = nbformat.v4
EVIL = """<img src=x onerror="window.ran='image'"><script>window.ran='script'</script>"""
WIDTH = """1" onerror="window.ran='width'"""
ALT = '" onerror="window.ran=2" <img src=x onerror="window.ran=3">'
RAN = "() => window.ran"
DIGEST = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
MAY_WRITE = {
    ("publish", "launch"): {"contents": "write"},
    ("publish", "deploy"): {"pages": "write", "id-token": "write"},
}
FREE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Zlib|HPND|Unlicense)\b"
)
OPENING = 300  # characters of the file of a license, in which its name stands
UV = str(shutil.which("uv") or ROOT / ".uv/bin/uv")
BROUGHT = re.compile(r"(^_vendor/|\.(woff2?|ttf|otf|npz|wasm|min\.js|min\.css|gz|zip|whl|keras)$)")


def workflows():
    return sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.fixture
def opened(chromium):
    """Open a file in Chromium; return the page, when all has had its chance to run."""
    pages = []

    def opened(path, query="", asked=None):
        tab = chromium.new_page()
        pages.append(tab)
        tab.on("requestfinished", lambda request: asked is None or asked.append(request.url))
        tab.goto(path.as_uri() + query, wait_until="load")
        tab.evaluate("() => new Promise((done) => setTimeout(done, 50))")
        return tab

    yield opened
    for each in pages:
        each.close()


def test_each_locked_file_has_a_hash():
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    files = [f for p in packages for f in [*p.get("wheels", []), p.get("sdist")] if f]
    assert len(files) > 1000
    names = {p["name"] for p in packages} - {"vae-lib"}
    assert f"{len(files):,} files of {len(names)} packages" in (ROOT / "promises.md").read_text()
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


def licenses(package):
    """What an installed package says of its license: its fields, else the file that it brings."""
    kinds = package.metadata.get_all("Classifier") or []
    said = [package.metadata.get("License-Expression"), package.metadata.get("License")]
    said += [kind for kind in kinds if kind.startswith("License ::")]
    if not any(said):
        files = [path for path in package.files or [] if "LICENSE" in path.name]
        said += [path.read_text()[:OPENING] for path in files]
    return " ".join(filter(None, said))


def test_what_is_installed_is_under_a_free_license():
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = {package["name"] for package in packages} - {"vae-lib"}
    found = {re.sub(r"[-_.]+", "-", each.name).lower(): licenses(each) for each in distributions()}
    assert len(locked & set(found)) > 150
    assert {name: found[name] for name in locked & set(found) if not FREE.search(found[name])} == {}


@pytest.mark.parametrize(
    ("text", "is_free"),
    [
        ("MIT", True),
        ("License :: OSI Approved :: BSD License", True),
        ("Permission is granted to nobody, including but not LIMITED to you.", False),
        ("GPL-3.0-only", False),
        ("", False),
    ],
)
def test_a_free_license_is_told_from_others(text, is_free):
    assert bool(FREE.search(text)) is is_free


def test_known_vulnerabilities_are_asked_for_each_week():
    workflow = yaml.safe_load((ROOT / ".github/workflows/audit.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert job["steps"][-1] == {"run": "make audit"}
    times = workflow[True]["schedule"]  # YAML 1.1 reads "on" as true
    assert [when["cron"].split()[2:4] for when in times] == [["*", "*"]]
    assert "\t@$(UV) audit --frozen --preview-features audit-command\n" in (
        (ROOT / "Makefile").read_text()
    )


@contextmanager
def served(handler):
    """A server on this machine, while a block runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


class Vulnerabilities(BaseHTTPRequestHandler):
    """A service like osv.dev, which knows of one thing wrong with one package, or of none."""

    known: str | None = None

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        self.names = [query["package"]["name"] for query in asked]
        self.server.asked += self.names
        ill = [{"vulns": [{"id": "X-1"}]} if name == self.known else {} for name in self.names]
        self.answer({"results": ill})

    def do_GET(self):
        self.answer({"id": "X-1", "modified": "2026-01-01T00:00:00Z", "summary": "Planted."})

    def answer(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep the terminal for the tests."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(UV) is None, reason="there is no uv on PATH or in .uv")
@pytest.mark.parametrize(("known", "status"), [(None, 0), ("jinja2", 1), ("tensorflow", 1)])
def test_a_locked_version_with_a_known_vulnerability_fails_the_audit(known, status):
    handler = type("Known", (Vulnerabilities,), {"known": known})
    with served(handler) as server:
        server.asked = []
        options = ["--preview-features", "audit-command", "--service-url"]
        command = [UV, "audit", "--frozen", *options, f"http://127.0.0.1:{server.server_port}"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stderr
    assert ("Planted." in ran.stdout) is bool(status)
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert set(server.asked) == {package["name"] for package in packages} - {"vae-lib"}


def names_of_files():
    """What this repository holds; a copy of it, which git does not know, holds nothing else."""
    command = ["git", "ls-files"]
    git = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0:
        return git.stdout.splitlines()
    return [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()]


def test_what_was_brought_along_is_listed_with_version_license_and_hash():
    listed, works = {}, json.loads((ROOT / "tools/vendored.json").read_text())
    for each in works:
        assert all(each[key] for key in ("name", "version", "license", "source"))
        assert (ROOT / each["license_file"]).is_file()
        listed |= each["files"]
    for name, digest in listed.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest, name
    assert {name for name in names_of_files() if BROUGHT.search(name)} - set(listed) == set()
    assert f"{len(listed)} files of {len(works)} works" in (ROOT / "promises.md").read_text()


class Empty(Panel):
    """A panel whose program is the library's, and fails on what it is given."""

    scripts = ("parts.js", "rate_distortion.js")
    styles = ("panel.css",)
    alt = "A picture."
    sentence = "A sentence."


PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8" /><title>{title}</title>
<script>let toggleHintShow = 'Click to show';</script></head><body>
<button onclick="window.print()">Print</button><article>{text}</article></body></html>"""
SETTINGS = "<script>window.MathJax = {}</script>"
PROGRAM = '\nwindow.ran = 1;mount("panel-00000000", render);\n'


DISGUISES = [
    EVIL,
    f"</article>{EVIL}",
    f'<div class="vae-panel">{EVIL}</div>',
    f'<div class="vae-panel"><script type="module">{PROGRAM}</script></div>',
    SETTINGS.format("window.ran = 1"),
    SETTINGS.format("{}; window.ran = 1"),
    f'<meta charset="utf-8" />{EVIL}',
]


@pytest.mark.parametrize("evil", DISGUISES)
def test_a_pages_own_scripts_run_and_what_a_text_or_an_output_holds_does_not(
    evil, opened, tmp_path
):
    path = tmp_path / "page.html"
    own = SETTINGS.format('{"own": 1}') + page(Empty, {}, b"")
    path.write_text(policy.with_policy(PAGE.format(title=escape(EVIL), text=own + evil)))
    tab = opened(path)
    tab.evaluate("window.print = () => { window.printed = 1; }")
    tab.get_by_role("button").click()
    assert tab.evaluate("[toggleHintShow, window.printed, window.MathJax.own]") == [
        "Click to show", 1, 1,
    ]  # fmt: skip
    assert tab.locator(".vae-panel").first.get_attribute("id") is None  # its program takes it
    assert tab.evaluate(RAN) is None


INJECTIONS = [
    EVIL,
    "<script src='data:text/javascript,window.ran=1'></script>",
    "<svg onload='window.ran=1'></svg>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<script type=module>window.ran=1</script>",
    "<details open ontoggle='window.ran=1'><summary>More</summary></details>",
    "<script>window.ran=eval('1')</script>",
    "<video><source src=x onerror='window.ran=1'></video>",
    "<iframe src='javascript:parent.ran=1'></iframe>",
    "<form action='javascript:window.ran=1'><button id=press>Press</button></form>",
    "<a href='javascript:window.ran=1' id=press>Press</a>",
]


@pytest.mark.parametrize("evil", INJECTIONS)
def test_what_is_put_into_a_page_after_it_was_built_does_not_run(evil, opened, tmp_path):
    plain, path = PAGE.format(title="A page", text="<!--here-->"), tmp_path / "page.html"

    def pressed(built):
        path.write_text(built.replace("<!--here-->", evil))
        tab = opened(path)
        assert tab.evaluate("toggleHintShow")
        tab.evaluate("document.getElementById('press')?.click()")
        return tab

    pressed(plain).wait_for_function(RAN)  # without a policy it runs
    tab = pressed(policy.with_policy(plain))
    tab.evaluate("() => new Promise((done) => setTimeout(done, 50))")
    assert tab.evaluate(RAN) is None


def test_a_page_without_an_encoding_is_refused():
    with pytest.raises(ValueError, match="charset"):
        policy.with_policy("<html><head><script>1</script></head></html>")


ASKING = [
    "<img src='{}'>",
    "<link rel=stylesheet href='{}'>",
    "<iframe src='{}'></iframe>",
    "<div style='background: url({})'>text</div>",
    "<video src='{}' autoplay></video>",
    "<object data='{}'></object>",
    "<meta http-equiv=refresh content='0; url={}'>",
    "<META/http-equiv=Refresh content='0;url={}'>",
]


@pytest.fixture
def listener():
    """A server that nobody should call: who did, and its address."""
    calls = []

    class Listening(BaseHTTPRequestHandler):
        def setup(self):
            calls.append(self.client_address)
            super().setup()

        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with served(Listening) as server:
        yield calls, f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("evil", ASKING)
def test_the_page_of_a_run_asks_no_host_for_anything(evil, chromium, listener, tmp_path):
    calls, address = listener
    output = V4.new_output("display_data", data={"text/html": evil.format(f"{address}/x")})
    cells = [V4.new_code_cell("1", execution_count=1, outputs=[output])]
    nbformat.write(V4.new_notebook(cells=cells), tmp_path / "run.ipynb")
    (tmp_path / "open.html").write_text(evil.format(f"{address}/x"))
    with chromium.new_page() as tab:
        tab.goto(write_page(tmp_path / "run.ipynb").as_uri())
        time.sleep(0.5)
        assert calls == []
        tab.goto((tmp_path / "open.html").as_uri())
        wait_for(lambda: calls)


def outputs():
    """Outputs of the kinds that a notebook keeps, all of them hostile."""
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
    shutil.copy(ROOT / "_static/favicon.png", tmp_path / "x")  # what a hostile image asks for
    asked = []
    html = write_page(tmp_path / name)
    assert quote(html.name) in html.as_uri()
    tab = opened(html, asked=asked)
    tab.locator("#link").click()
    assert tab.evaluate(RAN) is None
    assert [url for url in asked if not url.startswith("data:")] == [html.as_uri()]


def test_the_page_of_promises_counts_what_is_tried():
    said = (ROOT / "promises.md").read_text()
    word = dict(zip(range(7, 12), ["seven", "eight", "nine", "ten", "eleven"], strict=True))
    kinds = {kind for output in outputs() for kind in output.get("data", ["stream"])}
    assert f"{word[len(INJECTIONS)]} ways of injecting a script" in said
    assert f"{word[len(DISGUISES)]} ways of looking like the book's own" in said
    assert f"{word[len(ASKING)]} ways of making it do so" in said
    assert f"outputs of {word[len(kinds)]} kinds" in said


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


def test_a_panels_numbers_that_are_a_program_are_refused(tmp_path):
    body = page(Empty, {}, b"").replace("{}</script>", "1; window.ran = 1</script>")
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    with pytest.raises(ValueError, match="Extra data"):
        panels.lighten(app, "page", "page.html", {"body": body}, None)
    assert not list(tmp_path.rglob("*.js"))


HOSTILE_BOOK = {
    "_toc.yml": """format: jb-book
root: index
chapters:
- file: chapters/01-evil
- file: glossary
""",
    "index.md": "# Home\n\nSee {doc}`chapters/01-evil` and {ref}`figure`.\n",
    "glossary.md": f"# Glossary\n\n```{{glossary}}\nlatent\n  {EVIL}\n```\n",
    "chapters/01-evil.md": f"""# A title {EVIL}

Words. {EVIL}

```{{figure}} ../_static/favicon.png
:name: figure
:alt: '{ALT}'

A caption {EVIL}
```

## A section {EVIL}

Latent words.
""",
}


@pytest.fixture(scope="module")
def hostile_book(tmp_path_factory):
    """A book whose titles and captions are full of HTML, typeset and protected as this one is."""
    source = tmp_path_factory.mktemp("book")
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("_vendor", "chapters"):
        (source / name).mkdir()
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, source)
    for name, text in HOSTILE_BOOK.items():
        (source / name).write_text(text)
    typeset = ["jupyter-book", "build", source, "-W", "--quiet"]
    assert book.run_while_here(typeset, stdout=subprocess.DEVNULL) == 0
    html = source / "_build/html"
    policy.protect(html)
    return html


SHOWN = "<img src=x onerror="


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["index", "chapters/01-evil", "glossary", "genindex", "search", "404"]
)
def test_titles_captions_and_alternative_texts_full_of_html_are_text(name, opened, hostile_book):
    tab = opened(hostile_book / f"{name}.html", f"?q=A title {SHOWN}&highlight={EVIL}")
    assert tab.evaluate(RAN) is None
    assert SHOWN in tab.locator("a", has_text="A title").first.text_content()
    if name == "search":
        found = tab.locator("#search-results li a")
        found.first.wait_for()
        assert tab.locator("#search-results img").count() == 0
    if name == "chapters/01-evil":
        for heading in ("h1", "h2", "figcaption"):
            assert SHOWN in tab.locator(f"article {heading}").first.text_content()
        assert tab.locator("figure img").get_attribute("alt") == ALT
        assert SHOWN in tab.title()


NAMES = [
    "<img src=x onerror=window.ran=1>",
    "\x1b[31mred\x1b[2J",
    "\x1b]0;a title\x07",
    "turned \u202e around",
    "a line\nand another\rover it",
    "$x_$",
]


@pytest.fixture
def classes(tmp_path):
    """A folder of images in classes of hostile names, which has such a name itself."""
    folder = tmp_path / NAMES[1]
    for shade, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for n in range(4):
            Image.new("L", (8, 8), 40 * shade + n).save(folder / name / f"{n}.png")
    return folder


def obeyed(text):
    """What a terminal would obey in a text, besides the ends of its lines."""
    return [sign for sign in text if not sign.isprintable() and sign != "\n"]


def test_names_of_classes_stay_text_in_figures_and_on_a_terminal(classes):
    found = load_images(classes)
    assert set(found.classes) == set(NAMES)
    assert obeyed(repr(found)) == []
    mean = np.random.default_rng(0).normal(size=(len(found.y_train), 2))
    figure = latent_map(mean, np.array(found.classes)[found.y_train], [0, 1])
    figure.savefig(io.BytesIO())
    legend = figure.axes[0].get_legend().get_texts()
    assert {text.get_text() for text in legend} == set(map(visible, NAMES))
    plt.close(figure)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_about_a_file_of_a_hostile_name_is_printable(name, classes):
    (classes / name / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as raised:
        load_images(classes)
    assert obeyed(str(raised.value)) == []
    assert "0.png" in str(raised.value)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_command_prints_of_a_hostile_name_is_printable(name, tmp_path, capsys):
    (tmp_path / name).mkdir()
    assert main(["report", str(tmp_path / name)]) == 2
    say(f"a run in {name}")
    printed = capsys.readouterr()
    assert printed.err
    assert obeyed(printed.out + printed.err) == []
