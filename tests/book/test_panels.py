"""The panels of an executed chapter, as pages show them."""

import base64
import json

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import panels
from vae_lib.data import load_mnist
from vae_lib.model import VAE
from vae_lib.panels.explorer import Explorer
from vae_lib.panels.quantization import quantize


@pytest.fixture(scope="module")
def explorer():
    digits = load_mnist("small", flat=True)
    networks = {stop: quantize(VAE(z_dim=2, seed=stop)) for stop in (0, 60, 500)}
    return Explorer(networks, digits.x_test[:100], digits.y_test[:100])


@pytest.fixture
def chapter(explorer, tmp_path):
    """An executed chapter, as it is read from a file: with the widget and its page."""
    formats, metadata = explorer._repr_mimebundle_()
    shown = new_output("execute_result", formats, metadata=metadata)
    progress = new_output("display_data", {panels.WIDGET: {"model_id": "1"}, "text/plain": "bar"})
    cells = [new_code_cell("1", outputs=[progress]), new_code_cell("explorer", outputs=[shown])]
    chapter = new_notebook(cells=cells, metadata={"widgets": {"state": {}}})
    nbformat.write(chapter, tmp_path / "chapter.ipynb")
    return nbformat.read(tmp_path / "chapter.ipynb", as_version=4)


def test_a_page_shows_a_panel_s_html_and_asks_for_no_kernel(chapter, explorer):
    page = panels.without_kernel(chapter)
    data = page.cells[1].outputs[0].data
    assert panels.WIDGET not in data
    assert data["text/html"] == explorer.html()
    assert "widgets" not in page.metadata


def test_a_widget_without_a_page_is_left_to_whoever_shows_it(chapter):
    assert panels.WIDGET in panels.without_kernel(chapter).cells[0].outputs[0].data


def test_the_front_page_has_the_explorer_with_the_last_checkpoint_only(chapter, explorer):
    html = panels.front_explorer(chapter)
    front, whole = (BeautifulSoup(text, "html.parser") for text in (html, explorer.html()))
    state = json.loads(front.select_one("script[type='application/json']").string)
    wanted = {**explorer.data, "checkpoints": explorer.data["checkpoints"][-1:]}
    assert state == {"data": wanted, "z": explorer.z}
    assert front.img == whole.img
    assert front.select_one(".vae-panel")["id"] != whole.select_one(".vae-panel")["id"]
    weights = base64.b64decode(state["data"]["checkpoints"][0]["network"]["weights"])
    assert np.array_equal(
        np.frombuffer(weights, np.int8)[: 784 * 128].reshape(784, 128),
        explorer.network.hidden.integers,
    )


def test_a_chapter_without_an_explorer_has_none_for_the_front_page():
    cells = [new_code_cell("1", outputs=[new_output("stream", text="1")]), new_code_cell("2")]
    assert panels.front_explorer(new_notebook(cells=cells)) is None
