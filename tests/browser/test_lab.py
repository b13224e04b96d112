"""JupyterLab: a reader's copy of a chapter, and the panels, whose z Python reads and sets."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.hands import (
    PATIENCE,
    Completer,
    Trainer,
    begin,
    part,
    picture,
    settle,
    z_of,
)
from tests.helpers import TOKEN, assert_says, jupyterlab
from tools import copies, pairs

# Any network will do: one of random weights needs no training, and the first no TensorFlow.
CELLS = [
    """\
import numpy as np
from vae_lib.panels.explorer import Explorer
from vae_lib.panels.quantization import IntegerLayer, QuantizedVAE

rng = np.random.default_rng(0)
sizes = [(784, 128), (128, 2), (128, 2), (2, 128), (128, 784)]
layers = [
    IntegerLayer(
        np.int8(rng.integers(-127, 128, size)),
        np.full(size[1], 0.2 / size[0] ** 0.5 / 8, np.float32),
        np.zeros(size[1], np.float32),
    )
    for size in sizes
]
explorer = Explorer({0: QuantizedVAE(*layers)}, rng.random((20, 784)), np.arange(20) % 10)
explorer""",
    "explorer.z = [1, -1.5]",
    'print("z is", explorer.z)',
    """\
from vae_lib.panels.trainer import Trainer

Trainer(rng.random((64, 784)))""",
    """\
from vae_lib.panels.rate_distortion import RateDistortion

images = rng.random((3, 6, 196))
RateDistortion([1, 2, 4], [[3, 2], [1, 1], [0, 0]], [1, 3, 8], images[0], images)""",
    """\
from vae_lib.model import VAE
from vae_lib.panels.completer import Completer

Completer(VAE(2, 8, 196), rng.random((3, 196)) > 0.5, [1, 2, 3])""",
]


# JupyterLab shows itself as window.jupyterapp, and asks nobody about news.
SETTINGS = {
    "exposeAppInBrowser": True,
    "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True},
}
# A cell that is run while JupyterLab only waits for its kernel is, without a word, not run at all.
# The toolbar cannot tell: it calls a kernel idle that is not there yet.
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own for a JupyterLab."""
    home = tmp_path / "home"
    settings = home / "CONFIG/labconfig/page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(SETTINGS))
    monkeypatch.setenv("IPYTHONDIR", str(home))
    return home


@pytest.fixture
def notebook(tmp_path, home):
    """The address of a notebook in a JupyterLab."""
    folder = tmp_path / "folder"
    folder.mkdir()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [new_code_cell(cell) for cell in CELLS]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), folder / "a.ipynb")
    with jupyterlab(folder, home) as address:
        yield f"{address}lab/tree/a.ipynb?token={TOKEN}"


CHAPTER = """\
# A chapter

```{note}
A note, and an equation.
```

$$
a = b
$$ (eq-a)

```{code-cell} ipython3
n = 42
```

It is {eval}`n`.
"""


def test_a_copy_shows_a_chapter_and_saving_it_after_a_run_changes_nothing_of_the_book(
    chromium, home, tmp_path
):
    root = tmp_path / "book"
    (root / "chapters").mkdir(parents=True)
    (root / "chapters/01-one.md").write_text(CHAPTER)
    toc = {"format": "jb-book", "root": "index", "chapters": [{"file": "chapters/01-one"}]}
    (root / "_toc.yml").write_text(json.dumps(toc))
    (root / "references.bib").touch()
    pairs.sync(root / "chapters")
    copies.update(root)
    before = {path: path.read_bytes() for path in (root / "chapters").iterdir()}
    copy = root / copies.FOLDER / "01-one.ipynb"

    with jupyterlab(root / copies.FOLDER, home) as address:
        tab = chromium.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.goto(f"{address}lab/tree/01-one.ipynb?token={TOKEN}")
        tab.wait_for_function(f"{KERNEL} === 'idle'")
        tab.locator("aside.myst-admonition, aside[class*=admonition]").first.wait_for()
        tab.locator(".katex").first.wait_for()
        command(tab, "notebook:run-all-cells")
        tab.get_by_text("It is 42.").wait_for()
        command(tab, "docmanager:save")
        tab.close()

    assert nbformat.read(copy, 4).cells[1].execution_count == 1
    assert {path: path.read_bytes() for path in (root / "chapters").iterdir()} == before
    (root / "chapters/01-one.md").write_text(CHAPTER.replace("A note", "Another"))
    (line,) = copies.update(root)
    assert_says(line, "my-chapters/01-one.ipynb", "updated")
    assert "yours" not in line  # a run is no edit


def command(tab, name):
    """Let JupyterLab do what a menu does, and wait until it is done."""
    tab.evaluate("(name) => window.jupyterapp.commands.execute(name).then(() => 0)", name)


def test_python_and_the_reader_move_the_same_point(chromium, notebook):
    tab = chromium.new_page(viewport={"width": 1280, "height": 1400})
    tab.set_default_timeout(PATIENCE)
    tab.goto(notebook)
    tab.wait_for_function(f"{KERNEL} === 'idle'")
    cells = tab.locator(".jp-CodeCell .cm-content")
    cells.first.click()
    tab.keyboard.press("Shift+Enter")
    begin(tab)
    assert z_of(tab) == [0, 0]
    before = picture(part(tab, "digit"))

    tab.keyboard.press("Shift+Enter")  # Python sets z
    tab.wait_for_function("z1 => z1.value === '1'", arg=part(tab, "z1").element_handle())
    settle(tab)
    assert z_of(tab) == [1, -1.5]
    assert abs(picture(part(tab, "digit")) - before).max() > 20

    # A widget keeps a move to itself until the kernel has taken the one before: hence one by one.
    for moved in ("1.05", "1.1"):
        part(tab, "z1").press("ArrowRight")  # the reader moves it
        cells.nth(2).click()
        tab.keyboard.press("Shift+Enter")  # and Python reads it
        tab.get_by_text(f"z is [{moved}, -1.5]", exact=True).wait_for()

    tab.keyboard.press("Shift+Enter")  # and the trainer trains here, too
    trainer = Trainer(tab)
    trainer.press("step")
    trainer.reach(1)

    cells.nth(4).click()
    tab.keyboard.press("Shift+Enter")  # and so does a panel that Python only gives its numbers
    begin(tab, "restored")
    part(tab, "stop").press("End")
    assert part(tab, "weighted").text_content() == "8.0 nats"
    assert trainer.number("iteration") == 1

    cells.nth(5).click()
    tab.keyboard.press("Shift+Enter")  # and the completer completes
    tab.locator("[data-role='effective']").wait_for()
    assert 1 <= Completer(tab).numbers()[0] <= 500
    tab.close()
