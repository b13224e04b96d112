"""What tests of runs share."""

import numpy as np
import pytest
from PIL import Image

from tests.runs.quick_notebook import ENDINGS, MODEL, NUMBERS, OF_IMAGES, written
from vae_lib.parameters import ChapterParameters, ImagesParameters


@pytest.fixture
def chapter(tmp_path):
    """A quick notebook with the parameters of chapter 6, which notes each of its runs."""
    defaults = ChapterParameters().model_dump() | {"data": "small"}
    endings = ENDINGS.format(folder=str(tmp_path))
    return written(tmp_path / "chapter.ipynb", defaults, endings, NUMBERS)


@pytest.fixture
def chapter_with_model(tmp_path):
    """The same, which hands over a model."""
    defaults = ChapterParameters().model_dump() | {"data": "small"}
    endings = ENDINGS.format(folder=str(tmp_path))
    return written(tmp_path / "chapter.ipynb", defaults, endings, NUMBERS + MODEL)


@pytest.fixture
def chapter_of_images(tmp_path, monkeypatch):
    """A quick notebook with the parameters of chapter 10, which hands over a model."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # of decoded pictures
    defaults = ImagesParameters().model_dump()
    numbers = OF_IMAGES.format(folder=str(tmp_path)) + MODEL
    return written(tmp_path / "images.ipynb", defaults, numbers)


@pytest.fixture
def photos(tmp_path):
    """A folder of pictures beside the notebook, in two classes."""
    rng = np.random.default_rng(0)
    for k in range(12):
        folder = tmp_path / "my_photos" / "ab"[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(256, size=(8, 8, 3), dtype=np.uint8)).save(folder / f"{k}.png")
    return tmp_path / "my_photos"
