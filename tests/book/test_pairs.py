"""The chapters' two files stay in step, also when JupyterLab saves one."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request

import nbformat
import pytest

from tests.helpers import TOKEN, assert_says, jupyterlab
from tools import pairs

CHAPTER = """\
---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
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
    shutil.copy(pairs.CHAPTERS / "jupytext.toml", folder)
    (folder / "01-one.md").write_text(CHAPTER)
    pairs.sync(folder)
    return folder


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
    shutil.copy(chapters / "01-one.ipynb", chapters / "02-two.ipynb")
    (chapters / "01-one.ipynb").unlink()
    first, second = pairs.check(chapters)
    assert_says(first, "01-one.md", "01-one.ipynb", "tools.pairs sync")
    assert_says(second, "02-two.ipynb", "02-two.md", "missing")


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
def test_jupyterlab_opens_every_chapter_of_a_clone(chapters, lab):
    for path in pairs.CHAPTERS.glob("0*.*"):
        shutil.copy(path, chapters)
    for source in chapters.glob("*.md"):
        for age in (-1000, 1000):
            now = time.time()
            os.utime(source, (now, now))
            os.utime(source.with_suffix(".ipynb"), (now + age, now + age))
            assert lab.ask(source.with_suffix(".ipynb").name)["content"]["cells"]
