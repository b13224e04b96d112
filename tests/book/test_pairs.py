"""The chapters' two files stay in step, also when JupyterLab saves one."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from importlib.metadata import version

import nbformat
import pytest
from jupytext.cli import jupytext

from tests.helpers import TOKEN, assert_says, jupyterlab, refused
from tools import pairs
from tools.chapters import BookError

CHAPTER = """\
---
jupytext:
  cell_metadata_filter: -user_expressions
  formats: ipynb,md:myst
  notebook_metadata_filter: -kernelspec
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
    jupytext_version: 1.0.0
---

# A chapter

$$
a = b
$$ (eq-a)

```{code-cell} ipython3
:tags: [hide-input]

1 + 1
```

Between two cells.

```{code-cell} ipython3
1 + 1
```
"""


@pytest.fixture
def chapters(tmp_path):
    """A folder with one chapter, both halves in step."""
    folder = tmp_path / "chapters"
    folder.mkdir()
    name_in_toc(folder, "01-one")
    shutil.copy(pairs.CHAPTERS / "jupytext.toml", folder)
    (folder / "01-one.md").write_text(CHAPTER)
    pairs.sync(folder)
    return folder


def name_in_toc(folder, *names):
    pages = [{"file": f"chapters/{name}"} for name in names]
    toc = {"format": "jb-book", "root": "index", "chapters": pages}
    (folder.parent / "_toc.yml").write_text(json.dumps(toc))


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_chapters_of_the_book_are_in_step():
    assert pairs.check(pairs.CHAPTERS) == []


def test_a_pair_made_by_sync_is_in_step_and_stays_as_it_is(chapters):
    before = (chapters / "01-one.ipynb").read_bytes()
    assert pairs.check(chapters) == []
    assert pairs.sync(chapters) == []
    (chapters / "01-one.ipynb").unlink()
    pairs.sync(chapters)
    assert (chapters / "01-one.ipynb").read_bytes() == before


def test_sync_keeps_the_ids_of_cells_and_gives_new_ones_distinct_ids(chapters):
    before = [cell.id for cell in nbformat.read(chapters / "01-one.ipynb", 4).cells]
    edit(chapters / "01-one.md", "# A chapter", "# A better chapter")
    edit(chapters / "01-one.md", "Between two cells.", "Between.\n\n+++\n\nTwo.")
    pairs.sync(chapters)
    after = [cell.id for cell in nbformat.read(chapters / "01-one.ipynb", 4).cells]
    assert set(before) <= set(after)
    assert len(set(after)) == len(after) == len(before) + 1


@pytest.mark.parametrize("half", ["01-one.md", "01-one.ipynb"])
@pytest.mark.parametrize(
    ("old", "new"),
    [("Between two", "Between no two"), ("1 + 1", "1 + 2"), ("hide-input", "hide-output")],
    ids=["prose", "code", "metadata"],
)
def test_drift_in_either_half_is_found_and_sync_repairs_it(chapters, half, old, new):
    edit(chapters / half, old, new)
    (fault,) = pairs.check(chapters)
    assert_says(fault, "01-one.md", "01-one.ipynb", "python -m tools.pairs sync")
    source = (chapters / "01-one.md").read_text()
    assert pairs.sync(chapters) == [chapters / "01-one.ipynb"]
    assert pairs.check(chapters) == []
    assert (chapters / "01-one.md").read_text() == source


def test_outputs_are_found_and_sync_removes_them(chapters):
    notebook = nbformat.read(chapters / "01-one.ipynb", 4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="2")]
    notebook.cells[1].execution_count = 1
    nbformat.write(notebook, chapters / "01-one.ipynb")
    assert ["holds outputs" in fault for fault in pairs.check(chapters)] == [True]
    pairs.sync(chapters)
    assert pairs.check(chapters) == []


def test_the_values_of_numbers_in_prose_are_outputs_too(chapters):
    path = chapters / "01-one.ipynb"
    before = path.read_text()
    notebook = nbformat.read(path, 4)
    notebook.cells[2].metadata["user_expressions"] = [{"expression": "n", "result": {}}]
    nbformat.write(notebook, path)
    assert ["holds outputs" in fault for fault in pairs.check(chapters)] == [True]
    pairs.sync(chapters)
    assert path.read_text() == before


def test_missing_formats_are_found_and_sync_writes_them(chapters):
    edit(chapters / "01-one.md", "  formats: ipynb,md:myst\n", "")
    (fault,) = pairs.check(chapters)
    assert_says(fault, "01-one.md", "cell_metadata_filter", "formats", "tools.pairs sync")
    assert pairs.sync(chapters) == [chapters / "01-one.md"]
    assert pairs.check(chapters) == []


def test_a_missing_half_is_found(chapters):
    name_in_toc(chapters, "01-one", "02-two")
    shutil.copy(chapters / "01-one.ipynb", chapters / "02-two.ipynb")
    (chapters / "01-one.ipynb").unlink()
    first, second = pairs.check(chapters)
    assert_says(first, "01-one.md", "01-one.ipynb", "tools.pairs sync")
    assert_says(second, "_toc.yml", "chapters/02-two", "chapters/02-two.md")
    with refused(BookError, "_toc.yml", "chapters/02-two", "chapters/02-two.md"):
        pairs.sync(chapters)
    assert not (chapters / "01-one.ipynb").exists()


@pytest.mark.parametrize("name", ["Untitled.ipynb", "Untitled.md"])
def test_what_the_toc_does_not_name_is_no_chapter(chapters, name):
    (chapters / name).write_text("anything")
    assert pairs.check(chapters) == []
    assert pairs.sync(chapters) == []
    assert (chapters / name).read_text() == "anything"


def stamped_by_papermill(notebook):
    notebook["metadata"]["papermill"] = {"duration": 1}
    for cell in notebook["cells"]:
        cell["metadata"] |= {"papermill": {"status": "completed"}, "tags": []}
    return notebook


def of_format_4_4(notebook):
    for cell in notebook["cells"]:
        del cell["id"]
    return notebook | {"nbformat_minor": 4}


CONFLICT = "<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> theirs\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "[]",
        lambda text: "{}",
        lambda text: "\0",
        lambda text: CONFLICT.format(text=text),
        lambda text: json.dumps(stamped_by_papermill(json.loads(text))),
        lambda text: json.dumps(of_format_4_4(json.loads(text))),
        lambda text: json.dumps(json.loads(text) | {"nbformat": 5}),
        lambda text: '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
        lambda text: '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    ],
    ids=["empty", "list", "object", "binary", "conflict", "papermill", "4.4", "5", "3", "cells"],
)
def test_whatever_the_ipynb_is_it_is_named_and_sync_writes_it_anew(chapters, spoil):
    path = chapters / "01-one.ipynb"
    before = path.read_text()
    path.write_text(spoil(before))
    (fault,) = pairs.check(chapters)
    assert_says(fault, "01-one.ipynb", "python -m tools.pairs sync")
    assert pairs.sync(chapters) == [path]
    assert path.read_text() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: CONFLICT.format(text=text),
        lambda text: text.replace("formats: ipynb", "formats: [ipynb"),
        lambda text: "---\nno mapping\n---\n" + text.rpartition("---\n")[2],
        lambda text: text.replace("[hide-input]", "[hide-input"),
    ],
    ids=["empty", "conflict", "front matter", "no mapping", "cell"],
)
def test_a_broken_source_is_named_and_nothing_is_written(chapters, spoil):
    source, other = chapters / "01-one.md", chapters / "00-zero.md"
    shutil.copy(source, other)  # its .ipynb would be written
    name_in_toc(chapters, "00-zero", "01-one")
    source.write_text(spoil(source.read_text()))
    before = {path: path.read_bytes() for path in chapters.iterdir()}
    assert_says(pairs.check(chapters)[1], "chapters/01-one.md")
    with refused(BookError, "chapters/01-one.md"):
        pairs.sync(chapters)
    assert {path: path.read_bytes() for path in chapters.iterdir()} == before


def test_a_source_that_jupytext_would_write_otherwise_is_named_and_sync_writes_it(chapters):
    source = chapters / "01-one.md"
    before = source.read_text()
    edit(source, ":tags: [hide-input]", "---\ntags:\n  [hide-input]\n---")
    (fault,) = pairs.check(chapters)
    assert_says(fault, "chapters/01-one.md", "python -m tools.pairs sync")
    assert pairs.sync(chapters) == [source]
    assert source.read_text() == before


@pytest.mark.parametrize("newer", [".md", ".ipynb"])
def test_jupytext_changes_no_chapter(chapters, newer):
    for source in (path for path in pairs.CHAPTERS.iterdir() if path.suffix in {".md", ".ipynb"}):
        shutil.copy(source, chapters)
    (chapters / "01-one.md").unlink()
    (chapters / "01-one.ipynb").unlink()
    before = {path: path.read_bytes() for path in sorted(chapters.glob("*.*"))}
    now = time.time()
    for path in before:
        os.utime(path, (now, now + 10 * (path.suffix == newer)))
    jupytext(["--quiet", "--sync", *map(str, chapters.glob("*.md"))])
    assert [path.name for path, was in before.items() if path.read_bytes() != was] == []


class Lab:
    """The contents API of a JupyterLab that runs."""

    def __init__(self, address):
        self.address = address

    def ask(self, name, model=None):
        request = urllib.request.Request(
            f"{self.address}api/contents/{name}",
            data=json.dumps(model).encode() if model else None,
            headers={"Authorization": f"token {TOKEN}"},
            method="PUT" if model else "GET",
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def lab(chapters, tmp_path):
    with jupyterlab(chapters, tmp_path) as address:
        yield Lab(address)


@pytest.mark.slow
def test_jupyterlab_opens_and_saves_both_halves(chapters, lab):
    # A clone's file times are arbitrary.
    for age in (-1000, -1, 0, 1, 1000):
        now = time.time()
        os.utime(chapters / "01-one.md", (now, now))
        os.utime(chapters / "01-one.ipynb", (now + age, now + age))
        assert lab.ask("01-one.ipynb")["content"]["cells"]

    model = lab.ask("01-one.ipynb")
    cell = model["content"]["cells"][2]
    cell["source"] = "Written in JupyterLab."
    cell["metadata"]["user_expressions"] = [{"expression": "n", "result": {}}]
    lab.ask("01-one.ipynb", {"type": "notebook", "format": "json", "content": model["content"]})
    for half in ("01-one.md", "01-one.ipynb"):
        assert "Written in JupyterLab." in (chapters / half).read_text()
    assert '"user_expressions"' not in (chapters / "01-one.md").read_text()
    assert ["holds outputs" in fault for fault in pairs.check(chapters)] == [True]

    # An edit made in the .ipynb alone, say in another editor, is not silently dropped.
    edit(chapters / "01-one.ipynb", "Written in JupyterLab.", "Written elsewhere.")
    later = time.time() + 10
    os.utime(chapters / "01-one.ipynb", (later, later))
    with pytest.raises(urllib.error.HTTPError) as refusal:
        lab.ask("01-one.ipynb")
    refusal.value.close()
    assert refusal.value.code == 400
    assert "Written elsewhere." in (chapters / "01-one.ipynb").read_text()


@pytest.mark.slow
def test_an_unedited_chapter_that_jupyterlab_saves_stays_as_it_is(chapters, lab):
    edit(chapters / "01-one.md", "1.0.0", version("jupytext"))
    before = {half: (chapters / half).read_bytes() for half in ("01-one.md", "01-one.ipynb")}
    content = lab.ask("01-one.ipynb")["content"]
    kernel = {name: pairs.KERNEL[name] for name in ("name", "display_name", "language")}
    content["metadata"] |= {"kernelspec": kernel, "language_info": {"name": "python"}}
    lab.ask("01-one.ipynb", {"type": "notebook", "format": "json", "content": content})
    assert (chapters / "01-one.md").read_bytes() == before["01-one.md"]
    assert pairs.sync(chapters) == [chapters / "01-one.ipynb"]  # of the kernel's description
    assert {half: (chapters / half).read_bytes() for half in before} == before


@pytest.mark.slow
def test_jupyterlab_opens_every_chapter_of_a_clone(chapters, lab):
    for path in pairs.CHAPTERS.glob("0*.*"):
        shutil.copy(path, chapters)
    for source in chapters.glob("*.md"):
        for age in (-1000, 1000):
            now = time.time()
            os.utime(source, (now, now))
            os.utime(source.with_suffix(".ipynb"), (now + age, now + age))
            assert lab.ask(source.with_suffix(".ipynb").name)["content"]["cells"]
