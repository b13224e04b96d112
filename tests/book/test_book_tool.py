"""What is run again, what is kept, and what a failure leaves behind."""

import json
import re

import nbformat
import numpy as np
import pytest

from tests.helpers import ROOT, assert_says, mentions, refused
from tools import book, chapters, launch, pairs
from vae_lib.runs.freshness import FoundDigits, find_digits

DIGITS = FoundDigits("small 5,000 digits", "small", "")
CONFIG = (
    "sphinx: {config: {pages_of_a_clone: {chapters/benchmark: [bench/results.json, bench/*.py]}}}\n"
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of two chapters and a library, in a folder with a space in its name."""
    for name in ("BOOK_REPOSITORY", "BOOK_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "a project"
    for folder in ("chapters", "vae_lib/panels/web"):
        (root / folder).mkdir(parents=True)
    (root / "vae_lib/loss.py").write_text("LOSS = 1\n")
    (root / "vae_lib/book.mplstyle").write_text("font.size: 10\n")
    (root / "vae_lib/panels/web/vae.js").write_text("const x = 1;\n")
    (root / "uv.lock").write_text("version = 1\n")
    (root / "_config.yml").write_text(CONFIG)
    name_in_toc(root, "01-one")
    write(root, "01-one", "import os\nprint(os.environ['VAE_LIB_MNIST'])")
    name_in_toc(root, "01-one", "02-two")
    write(root, "02-two", "print(2)")
    return root


def name_in_toc(root, *names):
    pages = [{"file": f"chapters/{name}"} for name in names]
    toc = {"format": "jb-book", "root": "index", "chapters": pages}
    (root / "_toc.yml").write_text(json.dumps(toc))


def write(root, name, code):
    (root / f"chapters/{name}.md").write_text(f"# Title\n\n```{{code-cell}}\n{code}\n```\n")
    pairs.sync(root / "chapters")


def key(root, digits=DIGITS):
    return book.result_path(root, root / "chapters/01-one.ipynb", digits).name


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("chapters/01-one.ipynb", "import os", "import  os"),
        ("chapters/01-one.ipynb", "# Title", "# Title {eval}`1 + 1`"),
        ("chapters/01-one.ipynb", '"metadata": {}', '"metadata": {"tags": ["hide-input"]}'),
        ("vae_lib/loss.py", "1", "2"),
        ("vae_lib/book.mplstyle", "10", "11"),
        ("vae_lib/panels/web/vae.js", "1", "2"),
        ("uv.lock", "1", "2"),
    ],
)
def test_a_result_is_stale_once_anything_it_depends_on_changed(root, path, old, new):
    before = key(root)
    text = (root / path).read_text()
    (root / path).write_text(text.replace(old, new))
    assert text != text.replace(old, new)
    assert key(root) != before


def test_a_result_is_stale_with_other_digits_or_a_new_module(root):
    before = key(root)
    assert key(root, DIGITS._replace(label="file MNIST")) != before
    assert key(root, DIGITS._replace(setting="the same digits elsewhere")) == before
    (root / "vae_lib/model.py").touch()
    assert key(root) != before


@pytest.mark.parametrize("name", ["results.json", "report.py"])
def test_a_page_that_reads_files_of_the_clone_is_stale_once_they_changed(root, name):
    (root / "bench/__pycache__").mkdir(parents=True)
    for file in ("results.json", "report.py", "others.json"):
        (root / "bench" / file).write_text("{}")
    name_in_toc(root, "benchmark")
    write(root, "benchmark", "print(3)")
    page, chapter = root / "chapters/benchmark.ipynb", key(root)
    before = book.result_path(root, page, DIGITS)
    (root / "bench/others.json").write_text("[]")
    assert book.result_path(root, page, DIGITS) == before
    (root / "bench" / name).write_text("[]")
    assert book.result_path(root, page, DIGITS) != before
    assert key(root) == chapter


def test_the_configuration_names_the_pages_that_read_files_of_the_clone_and_these_files():
    named = launch.pages_of_a_clone(ROOT)
    for source in chapters.sources(ROOT / "chapters"):
        text, patterns = source.read_text("utf-8"), named.get(f"chapters/{source.stem}", [])
        found = {path.relative_to(ROOT).as_posix() for p in patterns for path in ROOT.glob(p)}
        read = set(re.findall(r'root / "([^"]+)"', text))
        read |= {
            f"bench/{name}.py" for name in re.findall(r"^from bench\.(\w+) import", text, re.M)
        }
        assert read <= found
        assert bool(read) == bool(found)
    assert {(ROOT / f"{page}.md").exists() for page in named} == {True}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Title", "# Another title"),
        ('"metadata": {}', '"metadata": {"mystnb": {"figure": {"caption": "A."}}}'),
    ],
)
def test_text_runs_nothing(root, old, new):
    before, path = key(root), root / "chapters/01-one.ipynb"
    text = path.read_text()
    path.write_text(text.replace(old, new))
    assert text != text.replace(old, new)
    assert key(root) == before


@pytest.mark.slow
def test_a_kept_result_follows_the_text(root, capfd):
    result = book.execute(root, DIGITS)["02-two"]
    capfd.readouterr()
    (root / "chapters/02-two.md").write_text(
        "# Three\n\nMore text.\n\n```{code-cell}\n"
        "---\nmystnb: {figure: {caption: Two.}}\n---\nprint(2)\n```\n\nAnd more.\n"
    )
    pairs.sync(root / "chapters")
    assert book.execute(root, DIGITS)["02-two"] == result
    assert "Nothing to run" in capfd.readouterr().out
    text, code, more = nbformat.read(result, 4).cells
    assert text.source == "# Three\n\nMore text."
    assert code.outputs[0].text == "2\n"
    assert code.metadata.mystnb.figure.caption == "Two."
    assert more.source == "And more."
    assert nbformat.read(result, 4).metadata.run.seconds > 0


def test_outputs_have_no_part_in_the_key(root):
    before = key(root)
    path = root / "chapters/01-one.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    notebook.cells[1].execution_count = 7
    nbformat.write(notebook, path)
    assert key(root) == before


def test_a_chapter_edited_in_one_half_only_is_refused(root):
    source = root / "chapters/02-two.md"
    source.write_text(source.read_text().replace("print(2)", "print(3)"))
    with refused(book.BookError, "02-two.md", "tools.pairs sync"):
        book.execute(root, DIGITS)


@pytest.mark.parametrize("name", ["Untitled.ipynb", "Untitled.md"])
def test_what_the_toc_does_not_name_is_not_run(root, name):
    (root / "chapters" / name).write_text("anything")
    assert [path.name for path in book.chapters_in_step(root)] == ["01-one.ipynb", "02-two.ipynb"]


def test_a_chapter_that_the_toc_names_must_exist(root):
    name_in_toc(root, "01-one", "03-three")
    with refused(book.BookError, "_toc.yml", "chapters/03-three", "chapters/03-three.md"):
        book.chapters_in_step(root)


@pytest.mark.slow
def test_only_stale_chapters_run_and_a_failure_keeps_what_passed(root, capfd):
    write(root, "02-two", "raise ValueError('planted')")
    with refused(book.BookError, "02-two.ipynb", ".book/staging/"):
        book.execute(root, DIGITS)
    printed = capfd.readouterr().out
    assert "planted" in printed
    assert "1 failed, 1 passed" in printed
    assert "planted" in (root / ".book/staging/02-two.ipynb").read_text()
    (kept,) = (root / ".book/executed").glob("*.ipynb")

    write(root, "02-two", "print('repaired')")
    results = book.execute(root, DIGITS)
    assert "1 passed" in capfd.readouterr().out
    assert results["01-one"] == kept
    outputs = {name: output(path) for name, path in results.items()}
    assert outputs == {"01-one": "small\n", "02-two": "repaired\n"}

    assert book.execute(root, DIGITS) == results
    assert_says(capfd.readouterr().out, 2, "fresh")


def output(path):
    return json.loads(path.read_text())["cells"][1]["outputs"][0]["text"][0]


def test_old_results_are_deleted_but_none_that_is_fresh(tmp_path):
    fresh = tmp_path / "01-one-0.ipynb"
    for name in ("01-one-0", "01-one-1", "01-one-2", "01-one-3", "01-one-4", "02-two-0"):
        (tmp_path / f"{name}.ipynb").touch()
    for age, path in enumerate(sorted(tmp_path.iterdir())):
        book.os.utime(path, (age, age))
    book.prune({fresh}, tmp_path)
    left = {path.stem for path in tmp_path.iterdir()}
    assert left == {"01-one-0", "01-one-2", "01-one-3", "01-one-4", "02-two-0"}


def test_a_page_that_the_toc_names_must_exist(root):
    for name in ("_config.yml", "references.bib", "index.md"):
        (root / name).touch()
    for name in ("_ext", "_static", "_vendor"):
        (root / name).mkdir()
    toc = "format: jb-book\nroot: index\nchapters:\n- file: chapters/03-three\n"
    (root / "_toc.yml").write_text(toc)
    with refused(book.BookError, "_toc.yml", "chapters/03-three"):
        book.assemble(root, {})


@pytest.mark.parametrize("step", ["execute", "typeset"])
def test_a_failed_build_leaves_no_old_pages(root, monkeypatch, step):
    html = root / "_build/html"
    html.mkdir(parents=True)
    (html / "index.html").write_text("from an earlier build")

    def fail(*_):
        raise book.BookError("planted")

    monkeypatch.setattr(book, "execute", lambda root, digits: {})
    monkeypatch.setattr(book, "assemble", lambda root, results: root / "chapters")
    monkeypatch.setattr(book, step, fail)
    with pytest.raises(book.BookError, match="planted"):
        book.build(root, DIGITS)
    assert not html.exists()


def test_a_book_is_typeset_once(root, monkeypatch, capsys):
    def typeset(root, source):
        pages = root / ".book/output/_build/html"
        pages.mkdir(parents=True, exist_ok=True)
        (pages / "index.html").write_text('<head><meta charset="utf-8" /></head>')
        return pages

    monkeypatch.setattr(book, "execute", lambda root, digits: {})
    monkeypatch.setattr(book, "assemble", lambda root, results: root / "chapters")
    monkeypatch.setattr(book, "typeset", typeset)
    book.build(root, DIGITS)
    assert capsys.readouterr().out == ""
    assert "Content-Security-Policy" in (root / "_build/html/index.html").read_text()
    book.build(root, DIGITS)
    assert_says(capsys.readouterr().out, "fresh")
    (root / "uv.lock").write_text("version = 2")
    book.build(root, DIGITS)
    assert capsys.readouterr().out == ""


@pytest.fixture
def source(root):
    """Two pages as Jupyter Book reads them, the second with a link to the first."""
    source = root / ".book/source"
    source.mkdir(parents=True)
    name_in_toc(root)
    toc = "format: jb-book\nroot: index\nchapters:\n- file: other\n"
    for folder in (root, source):
        (folder / "_toc.yml").write_text(toc)
    (source / "_config.yml").write_text("title: Small\nonly_build_toc_files: true\n")
    (source / "index.md").write_text("(one)=\n# One\n\nText.\n")
    (source / "other.md").write_text("# Two\n\nSee {ref}`one`.\n")
    return source


def edited(path, old, new):
    """Edit a page, a while after it was typeset."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    book.os.utime(path, (path.stat().st_mtime + 10,) * 2)


@pytest.mark.slow
def test_an_edited_text_typesets_its_own_page_and_a_heading_all(root, source):
    pages = book.typeset(root, source)

    def times():
        return [(pages / f"{name}.html").stat().st_mtime_ns for name in ("index", "other")]

    one, two = times()
    edited(source / "index.md", "Text.", "More text.")
    assert book.typeset(root, source) == pages
    assert "More text." in (pages / "index.html").read_text()
    assert times()[0] > one
    assert times()[1] == two
    edited(source / "index.md", "# One", "# First")
    book.typeset(root, source)
    assert 'href="index.html#one"><span class="std std-ref">First' in (
        (pages / "other.html").read_text()
    )


@pytest.mark.slow
def test_a_page_that_failed_fails_again(root, source):
    book.typeset(root, source)
    edited(source / "index.md", "Text.", "[Text](nowhere.md).")
    for _ in range(2):
        with refused(book.BookError, "warned or failed"):
            book.typeset(root, source)
    edited(source / "index.md", "[Text](nowhere.md).", "Text.")
    book.typeset(root, source)


def test_files_that_are_as_they_were_keep_their_times(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        (folder / "chapters").mkdir(parents=True)
        (folder / "chapters/same.md").write_text("same")
        (folder / "other.md").write_text(folder.name)
    (new / "added.md").write_text("added")
    for path in old.rglob("*.md"):
        book.os.utime(path, (1, 1))
    book.keep_times(old, new)
    kept = {path.stem for path in new.rglob("*.md") if path.stat().st_mtime == 1}
    assert kept == {"same"}


@pytest.mark.parametrize(
    ("name", "old", "new", "stands_alone"),
    [
        ("index.md", "Text.", "Other text.", True),
        ("index.md", "# One", "# First", False),
        ("index.md", "(one)=", "(first)=", False),
        ("index.md", "Text.", "$$ x $$ (eq-1-1)", False),
        ("index.md", "Text.", "Text {cite:p}`a2020`.", False),
        ("_config.yml", "Small", "Large", False),
    ],
)
def test_what_shows_on_other_pages_too_is_in_the_outline(
    root, source, name, old, new, stands_alone
):
    before = book.outline(root, source)
    edited(source / name, old, new)
    assert (book.outline(root, source) == before) is stands_alone


def test_another_address_makes_the_book_stale(root):
    source = root / ".book/source"
    source.mkdir(parents=True)
    config = source / "_config.yml"
    config.write_text("title: One\n")
    before = book.digest_of(root, source)
    config.write_text("title: One\nrepository: {url: x}\n")
    assert book.digest_of(root, source) != before


def test_a_variable_that_is_no_address_stops_before_any_work(monkeypatch, capsys):
    monkeypatch.setenv("BOOK_REPOSITORY", "somewhere")
    monkeypatch.setattr(book, "digits_at_hand", lambda: pytest.fail("work was done"))
    assert book.main(["build"]) == 1
    said = capsys.readouterr().err
    assert_says(said, "BOOK_REPOSITORY", "'somewhere'", "https://github.com/OWNER/NAME")


def test_digits_are_found_once_and_led_to_by_one_setting(monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    label, setting, about = book.digits_at_hand()
    assert (label, setting) == ("small 5,000 digits of MNIST", "small")
    assert mentions(about, "5,000", "4,000", "1,000")


@pytest.mark.parametrize("source", ["auto", "named"])
def test_a_file_of_digits_is_led_to_by_its_full_path(tmp_path, monkeypatch, source):
    """Wherever a kernel is started from, and whichever setting named the file."""
    arrays = {name: np.zeros((2, 28, 28), np.uint8) for name in ("x_train", "x_test")}
    arrays |= {name: np.zeros(2, np.uint8) for name in ("y_train", "y_test")}
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays)
    monkeypatch.setattr("vae_lib.data.read_arrays", lambda *_: arrays)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAE_LIB_MNIST", "mnist.npz" if source == "auto" else "small")
    found = find_digits("auto" if source == "auto" else "mnist.npz")
    assert (found.label, found.setting) == ("file MNIST", str(path))


def test_digits_that_are_not_there_are_reported_in_one_line(monkeypatch):
    monkeypatch.setenv("VAE_LIB_MNIST", "no/such/mnist.npz")
    with refused(book.BookError, "VAE_LIB_MNIST", "'no/such/mnist.npz'", "small"):
        book.digits_at_hand()
