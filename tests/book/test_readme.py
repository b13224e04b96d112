"""What the README shows works as it is printed."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers import ROOT
from vae_lib.images import draw_factors, draw_shapes

README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_the_example_trains_a_model(tmp_path, monkeypatch, capsys):
    example, *_ = re.findall(r"```python\n(.*?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAE_LIB_MNIST", "small")
    names: dict[str, object] = {}
    exec(example, names)
    assert sorted(p.name for p in Path("out").iterdir()) == [f"{k:03d}.png" for k in range(5)]
    losses = names["history"]["loss"]
    assert losses[-1] < 0.9 * losses[0]
    assert "reconstruction" in capsys.readouterr().out


@pytest.mark.slow
def test_the_example_of_images_trains_and_keeps_checkpoints(tmp_path, monkeypatch):
    _, example, with_new_pictures = re.findall(r"```python\n(.*?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("my_photos").mkdir()
    pictures = draw_shapes(draw_factors(20), 64)
    for k, picture in enumerate(np.uint8(255 * pictures)):
        Image.fromarray(picture).save(f"my_photos/{k}.png")
    names: dict[str, object] = {}
    exec(example.replace("20_000", "3"), names)
    assert names["model"].x_shape == (64, 64, 3)
    exec(with_new_pictures.replace("new_photos/", "my_photos/"), names)
    assert names["mean"].shape == (20, 16)
    assert [path.name for path in Path("night").glob("*.npz")] == ["checkpoint-000000003.npz"]


@pytest.mark.parametrize(
    ("page", "some"),
    [
        ("README.md", {"book", "test", "lab"}),
        ("CONTRIBUTING.md", {"check", "quick", "test"}),
        ("chapters/many-runs.md", {"sweep"}),
    ],
)
def test_every_command_of_make_is_a_target(page, some):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    text = (ROOT / page).read_text("utf-8")
    typed = re.findall(r"(?:`|^)(?:[A-Z_]+=\S+ )*make ([a-z -]+)", text, re.M)
    assert some <= {word for words in typed for word in words.split()} <= targets


def test_every_file_that_it_links_to_is_there():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / link).exists(), link


def test_every_install_is_of_this_folder_or_an_address_and_of_extras_that_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    typed = re.findall(r"pip install ([^`]+)`", README)
    assert {".", '"git+ADDRESS"'} <= set(typed)
    extras = re.findall(r"`'\.\[(\w+)\]'`", README)
    assert extras
    assert set(extras) <= set(project["optional-dependencies"])


@pytest.mark.slow
def test_a_saved_model_is_loaded_after_the_import_that_is_named(python, tmp_path):
    (words,) = re.findall(r"`(from vae_lib\.model import load_model)`", README)
    path = str(tmp_path / "model.keras")
    run = python(f"from vae_lib.model import VAE; VAE(z_dim=2, h_dim=8).save({path!r})")
    assert run.returncode == 0, run.stderr
    load = f"print(load_model({path!r}).z_dim, keras.models.load_model({path!r}).z_dim)"
    run = python(f"import keras\n{words}\n{load}", KERAS_BACKEND="tensorflow")
    assert (run.returncode, run.stdout) == (0, "2 2\n"), run.stderr
