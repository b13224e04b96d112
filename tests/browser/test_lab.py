"""The panels in JupyterLab: the same, and Python reads and sets the explorer's z."""

import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

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


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab in a folder of its own; the address of a notebook in it."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [new_code_cell(cell) for cell in CELLS]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), tmp_path / "a.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.root_dir={tmp_path}", f"--port={port}", "--ServerApp.port_retries=0"]
    command += ["--IdentityProvider.token="]
    with (tmp_path / "log.txt").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(f"{address}/api", server)
        yield f"{address}/lab/tree/a.ipynb?reset"
    finally:
        server.terminate()
        server.wait(20)


def wait_for(address, server):
    """Wait until the server answers."""
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended by itself"
        try:
            with urlopen(address):
                return
        except URLError:
            time.sleep(0.25)
    pytest.fail("JupyterLab did not answer within a minute")


def ink(canvas):
    """The pixels of a canvas, as one string."""
    return canvas.evaluate("canvas => canvas.toDataURL()")


def test_python_and_the_reader_move_the_same_point(chromium, lab):
    tab = chromium.new_page(viewport={"width": 1280, "height": 1400})
    tab.set_default_timeout(90_000)
    tab.goto(lab)
    # A cell that is run waits for the kernel, so no need to wait for it here.
    tab.locator(".jp-CodeCell .cm-content").first.click()
    tab.keyboard.press("Shift+Enter")
    z1, z2, digit = (
        tab.locator(f".vae-panel [data-role={role}]") for role in ("z1", "z2", "digit")
    )
    z1.wait_for()
    assert [z1.input_value(), z2.input_value()] == ["0", "0"]
    before = ink(digit)

    tab.keyboard.press("Shift+Enter")  # Python sets z
    tab.wait_for_function("z1 => z1.value === '1'", arg=z1.element_handle())
    assert z2.input_value() == "-1.5"
    tab.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[digit.element_handle(), before]
    )

    z1.press("ArrowRight")  # the reader moves it
    z1.press("ArrowRight")
    tab.locator(".jp-CodeCell .cm-content").nth(2).click()
    tab.keyboard.press("Shift+Enter")  # and Python reads it
    tab.get_by_text("z is [1.1, -1.5]", exact=True).wait_for()

    tab.keyboard.press("Shift+Enter")  # and the trainer trains here, too
    tab.locator("[data-role='step']").click()
    tab.wait_for_function("document.querySelector('[data-role=iteration]').textContent === '1'")
    tab.close()
