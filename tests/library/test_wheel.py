"""The library as who installs it has it: a wheel, in an environment that has no extras.

uv takes the packages from its cache or from their index, in the versions of uv.lock.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain

import pytest
from packaging.requirements import Requirement

from tests.helpers import ROOT

pytestmark = pytest.mark.slow

UV = shutil.which("uv") or ROOT / ".uv/bin/uv"
USE = """\
import importlib, json, pkgutil
from importlib.metadata import distributions

import numpy as np

import vae_lib
from vae_lib.data import load_mnist
from vae_lib.model import VAE, load_model
from vae_lib.plots import loss_curves, use_book_style
from vae_lib.tensorflow_quietly import keras
from vae_lib.training import train

use_book_style()
digits = load_mnist("small", flat=True)
model = VAE(z_dim=2, h_dim=16)
model.compile(keras.optimizers.Adam(1e-2))
history = train(model, digits.x_train, iterations=100, report_every=50)
model.save("model.keras")
loaded = [load("model.keras") for load in (load_model, keras.models.load_model)]
codes = [each.encoder(digits.x_test[:8])[0].numpy() for each in (model, *loaded)]
figure = loss_curves(history)
figure.savefig("losses.png")

lacking = {}
for module in pkgutil.walk_packages(vae_lib.__path__, "vae_lib."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        lacking[module.name] = error.name
print(json.dumps({
    "shape": digits.x_train.shape,
    "losses": np.asarray(history["loss"], float).tolist(),
    "loaded is the same": [np.array_equal(codes[0], each) for each in codes[1:]],
    "drawn": [ax.lines[0].get_ydata().tolist() for ax in figure.axes],
    "lacking": lacking,
    "packages": [each.name.lower() for each in distributions()],
}))
"""


def run(*command, cwd):
    """Run a program to its end, without what this shell says about Python."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def uv(*words):
    done = run(UV, "--quiet", *words, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What the wheel is made of, without anything that an earlier build has left."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "vae_lib", folder / "vae_lib", ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--out-dir", folder, source)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run Python where nothing but the wheel is installed, in an empty folder."""
    folder = tmp_path_factory.mktemp("installed")
    program = folder / "venv/bin/python"
    locked = folder / "locked.txt"
    uv("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "-o", locked)
    uv("venv", "--python", sys.executable, folder / "venv")
    uv("pip", "install", "--python", program, "--constraint", locked, wheel)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return lambda *words: run(program, *words, cwd=elsewhere)


def printed(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def used(installed):
    """What came out when the library was used, in one process: TensorFlow starts slowly."""
    return printed(installed("-c", USE))


def test_the_wheel_has_every_file_of_the_library(source, wheel):
    files = {str(p.relative_to(source)) for p in source.glob("vae_lib/**/*") if p.is_file()}
    assert {"vae_lib/book.mplstyle", "vae_lib/data/mnist-5000.npz", "vae_lib/py.typed"} < files
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if not name.startswith("vae_lib-")} == files
    assert sum(name.endswith("/licenses/LICENSE") for name in names) == 1


def test_it_brings_nothing_that_only_the_book_takes(used):
    packages = set(used["packages"])
    assert {"vae-lib", "tensorflow", "keras", "numpy"} <= packages
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = chain(*project["optional-dependencies"].values())
    heavy = {Requirement(line).name for line in extras} - {"vae-lib"}
    assert len(heavy) > 15
    assert packages & (heavy | {"ipython", "scikit-learn", "scipy", "traitlets"}) == set()
    assert not [name for name in packages if name.startswith("jupyter")]


def test_it_trains_draws_saves_and_loads(used):
    assert used["shape"] == [4000, 784]
    first, last = used["losses"]
    assert last < first < 784 * 0.6932  # nats: less than a coin for each pixel
    assert used["drawn"][0] == used["losses"]
    assert used["loaded is the same"] == [True, True]


def test_only_the_rooms_that_an_extra_is_for_lack_something(used):
    lacking = used["lacking"]
    rooms = ("vae_lib.panels", "vae_lib.runs.", "vae_lib.support.commands")
    assert [name for name in lacking if not name.startswith(rooms)] == []
    assert lacking["vae_lib.panels"] == "anywidget"
    assert lacking["vae_lib.runs.command_line"] == "click"


@pytest.mark.parametrize("words", [[], ["sweep"], ["sweep", "--z-dim", "2"], ["report", "runs"]])
def test_the_program_says_in_one_sentence_what_it_lacks(installed, words):
    done = installed("-m", "vae_lib", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    for part in ("click", "pip install '.[book]'", "clone"):
        assert part in done.stderr


def test_the_panels_say_in_one_sentence_what_they_lack(installed):
    done = installed("-c", "from vae_lib.panels.explorer import Explorer")
    *_, last = done.stderr.splitlines()
    assert "anywidget" in last
    assert "pip install '.[notebook]'" in last
