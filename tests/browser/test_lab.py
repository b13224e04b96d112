"""The panels in JupyterLab: the same, and Python reads and sets the explorer's z."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.hands import PATIENCE, Trainer, begin, part, picture, settle, z_of
from tests.helpers import TOKEN, jupyterlab

# Any network will do: one of random weights needs no training, and no TensorFlow.
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
def notebook(tmp_path, monkeypatch):
    """The address of a notebook in a JupyterLab with a home of its own."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    settings = home / "CONFIG/labconfig/page_config.json"
    for each in (settings.parent, folder):
        each.mkdir(parents=True)
    settings.write_text(json.dumps(SETTINGS))
    monkeypatch.setenv("IPYTHONDIR", str(home))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [new_code_cell(cell) for cell in CELLS]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), folder / "a.ipynb")
    with jupyterlab(folder, home) as address:
        yield f"{address}lab/tree/a.ipynb?token={TOKEN}"


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
    assert trainer.number("iteration") == 1
    tab.close()
