"""The reader's copies: they keep what the reader wrote, and receive what the book changed."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

from tests.helpers import ROOT, assert_says, refused
from tools import copies
from tools.chapters import BookError

CHAPTER = """\
# Title

```{code-cell} ipython3
a = 1
```

Text with {eval}`a` by {eq}`eq-1-1`.

```{code-cell} ipython3
raise NotImplementedError
```

The end.
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "chapters").mkdir()
    toc = {"format": "jb-book", "root": "index", "chapters": [{"file": "chapters/01-one"}]}
    (tmp_path / "_toc.yml").write_text(json.dumps(toc))
    (tmp_path / "references.bib").touch()
    write_book(tmp_path, CHAPTER)
    copies.update(tmp_path)
    return tmp_path


def write_book(root, text):
    """Write the chapter, both halves: the .ipynb keeps the cells' ids."""
    (root / "chapters/01-one.md").write_text(text)
    copies.pairs.sync(root / "chapters")


def change_book(root, old, new):
    text = (root / "chapters/01-one.md").read_text()
    assert old in text
    write_book(root, text.replace(old, new))


def copy(root):
    return root / "my-chapters/01-one.ipynb"


def read(root):
    return nbformat.read(copy(root), 4)


def texts(root):
    return [cell.source for cell in read(root).cells]


def change(root, k, text):
    notebook = read(root)
    notebook.cells[k].source = text
    nbformat.write(notebook, copy(root))


ORIGINAL = [
    "# Title",
    "a = 1",
    "Text with {eval}`a` by (1.1).",
    "raise NotImplementedError",
    "The end.",
]


def test_a_copy_is_the_chapter_without_a_pair_and_made_once(root):
    assert texts(root) == ORIGINAL
    assert "jupytext" not in read(root).metadata
    files = {path: path.read_bytes() for path in (root / "my-chapters").rglob("*.ipynb")}
    assert len(files) == 2
    assert copies.update(root) == []
    assert {path: path.read_bytes() for path in files} == files
    assert (root / "my-chapters").parent == (root / "chapters").parent  # ../ leads to one place


def test_git_ignores_the_copies():
    assert f"/{copies.FOLDER}/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_outputs_and_values_in_the_text_are_no_edits(root):
    notebook = read(root)
    notebook.cells[0].metadata["user_expressions"] = notebook.cells[2].metadata[
        "user_expressions"
    ] = [{"expression": "a", "result": {}}]
    notebook.metadata["language_info"] = {"name": "python"}
    for k in (1, 3):
        notebook.cells[k].execution_count = k
        notebook.cells[k].outputs = [new_output("stream", text="seen")]
    nbformat.write(notebook, copy(root))
    change_book(root, "Text with {eval}`a`", "Words with {eval}`a`")
    change_book(root, "a = 1", "a = 2")
    (line,) = copies.update(root)
    assert_says(line, "my-chapters/01-one.ipynb", "updated")
    assert "yours" not in line
    words = [ORIGINAL[0], "a = 2", "Words with {eval}`a` by (1.1).", *ORIGINAL[3:]]
    assert texts(root) == words
    changed, kept = read(root).cells[1], read(root).cells[3]
    assert (changed.outputs, kept.execution_count, len(kept.outputs)) == ([], 3, 1)


def test_what_the_reader_changed_added_or_deleted_stays_and_what_the_book_changed_arrives(root):
    notebook = read(root)
    notebook.cells[3].source = "my answer"
    notebook.cells.insert(2, new_code_cell("mine"))
    del notebook.cells[0]
    nbformat.write(notebook, copy(root))
    change_book(root, "Text with", "Words with")
    change_book(root, "a = 1\n```\n", "a = 1\n```\n\nNew in the book.\n\n+++\n")
    change_book(root, "\nThe end.\n", "")
    (line,) = copies.update(root)
    assert_says(line, "my-chapters/01-one.ipynb", "updated", 2)
    assert texts(root) == [
        "a = 1",
        "mine",
        "New in the book.",
        "Words with {eval}`a` by (1.1).",
        "my answer",
    ]
    assert copies.update(root) == []


def test_where_both_changed_a_cell_both_stand_and_the_readers_is_run_last(root):
    change(root, 3, "my answer")
    change_book(root, "raise NotImplementedError", 'raise NotImplementedError("two")')
    copies.update(root)
    two = 'raise NotImplementedError("two")'
    assert texts(root) == [*ORIGINAL[:3], two, "my answer", ORIGINAL[4]]
    change_book(root, "two", "three")  # what is the book's goes on changing in place
    copies.update(root)
    three = 'raise NotImplementedError("three")'
    assert texts(root) == [*ORIGINAL[:3], three, "my answer", ORIGINAL[4]]


def test_a_change_that_both_made_is_there_once(root):
    change(root, 1, "a = 2")
    change_book(root, "a = 1", "a = 2")
    copies.update(root)
    assert texts(root) == [ORIGINAL[0], "a = 2", *ORIGINAL[2:]]


@pytest.mark.parametrize("deletes", ["the reader", "the book"])
def test_a_change_is_more_than_a_deletion(root, deletes):
    if deletes == "the reader":
        notebook = read(root)
        del notebook.cells[4]
        nbformat.write(notebook, copy(root))
        change_book(root, "The end.", "Changed.")
    else:
        change(root, 4, "Changed.")
        change_book(root, "\nThe end.\n", "")
    copies.update(root)
    assert texts(root) == [*ORIGINAL[:4], "Changed."]


def test_cells_that_the_reader_moved_stay_where_they_are(root):
    notebook = read(root)
    notebook.cells.insert(0, notebook.cells.pop(3))
    nbformat.write(notebook, copy(root))
    change_book(root, "a = 1", "a = 2")
    copies.update(root)
    assert texts(root) == [ORIGINAL[3], ORIGINAL[0], "a = 2", ORIGINAL[2], ORIGINAL[4]]


def test_jupyterlab_saving_an_open_copy_as_it_was_loses_nothing(root):
    was = read(root)
    was.cells[3].source = "my answer"
    change_book(root, "a = 1", "a = 2")
    copies.update(root)
    nbformat.write(was, copy(root))  # what JupyterLab calls "overwrite"
    copies.update(root)
    assert texts(root) == [ORIGINAL[0], "a = 2", ORIGINAL[2], "my answer", ORIGINAL[4]]


@pytest.mark.parametrize("at", [1, 2])
def test_an_interruption_leaves_all_as_it_was_and_the_next_time_ends_it(root, monkeypatch, at):
    change(root, 3, "my answer")
    before = copy(root).read_bytes()
    change_book(root, "a = 1", "a = 2")
    calls, write_text = [], copies.write_text

    def stopped(path, text):
        calls.append(path)
        if len(calls) == at:
            raise KeyboardInterrupt
        write_text(path, text)

    monkeypatch.setattr(copies, "write_text", stopped)
    with pytest.raises(KeyboardInterrupt):
        copies.update(root)
    assert copy(root).read_bytes() == before
    copies.update(root)
    assert texts(root) == [ORIGINAL[0], "a = 2", ORIGINAL[2], "my answer", ORIGINAL[4]]


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> b\n", "[]"])
def test_a_copy_that_cannot_be_read_is_named_and_kept(root, text):
    for k in (1, 2):
        copy(root).write_text(text)
        (line,) = copies.update(root)
        aside = copy(root).with_name(f"01-one-unreadable-{k}.ipynb")
        assert_says(line, "my-chapters/01-one.ipynb", aside.name)
        assert aside.read_text() == text
        assert texts(root) == ORIGINAL


def test_without_its_base_nothing_of_a_copy_is_lost(root):
    change(root, 3, "my answer")
    for path in (root / "my-chapters/.base").iterdir():
        path.write_text("")
    change_book(root, "The end.", "An end.")
    copies.update(root)
    assert {"my answer", "The end.", "An end."} <= set(texts(root))


def test_cells_with_one_id_or_without_any_are_all_kept(root):
    notebook = json.loads(copy(root).read_text())
    notebook["cells"].append(notebook["cells"][1] | {"source": "a twin"})
    copy(root).write_text(json.dumps(notebook))
    change_book(root, "The end.", "An end.")
    copies.update(root)
    assert texts(root) == [*ORIGINAL[:4], "An end.", "a twin"]

    for cell in notebook["cells"]:
        del cell["id"]
    copy(root).write_text(json.dumps(notebook | {"nbformat_minor": 4}))
    copies.update(root)
    assert {*ORIGINAL, "An end.", "a twin"} <= set(texts(root))


def test_the_copy_of_a_chapter_that_is_gone_stays(root):
    before = copy(root).read_bytes()
    for half in (root / "chapters").glob("01-one.*"):
        half.rename(half.with_stem("01-another"))
    toc = root / "_toc.yml"
    toc.write_text(toc.read_text().replace("01-one", "01-another"))
    (line,) = copies.update(root)
    assert_says(line, "my-chapters/01-another.ipynb", "new")
    assert copy(root).read_bytes() == before


def test_a_chapter_that_cannot_be_read_is_named_and_no_copy_touched(root):
    (root / "chapters/01-one.md").write_text("")
    with refused(BookError, "chapters/01-one.md"):
        copies.update(root)
    assert texts(root) == ORIGINAL


def test_what_a_solution_prints_is_folded_in_a_copy_and_nothing_else_is(root):
    start = "```{solution-start} ex-1-1\n:class: dropdown\n```\n\n"
    solution = f"{start}```{{code-cell}} ipython3\nprint(42)\n```\n\n```{{solution-end}}\n```\n\n"
    change_book(root, "The end.", f"{solution}The end.")
    copies.update(root)
    folded = [
        cell.source
        for cell in read(root).cells
        if cell.metadata.get("jupyter", {}).get("outputs_hidden")
    ]
    assert folded == ["print(42)"]
