"""What tests of runs share."""

import nbformat
import pytest

from tests.runs.quick_notebook import ENDINGS, NUMBERS
from vae_lib.parameters import ChapterParameters


@pytest.fixture
def chapter(tmp_path):
    """A quick notebook with the parameters of chapter 6, which notes each of its runs."""
    defaults = ChapterParameters().model_dump() | {"data": "small"}
    parameters = "\n".join(f"{name} = {value!r}" for name, value in defaults.items())
    cells = [
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(ENDINGS.format(folder=str(tmp_path))),
        nbformat.v4.new_code_cell(NUMBERS, metadata={"tags": ["metrics"]}),
    ]
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    path = tmp_path / "chapter.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path
