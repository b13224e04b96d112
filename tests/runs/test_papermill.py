"""Chapter 6 is a program: papermill runs it with other parameters."""

import re
import subprocess
import sys

import jupytext
import nbformat
import pytest

from tests.support import ROOT
from tools import prose
from vae_lib.parameters import ChapterParameters

CHAPTER = ROOT / "chapters/06-training.ipynb"
QUICK = {"iterations": 150, "h_dim": 16, "data": "small"}


def papermill(folder, *arguments):
    """Run papermill from a folder of its own: a chapter may not depend on where it starts."""
    command = [sys.executable, "-m", "papermill", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def run(folder, chapter=CHAPTER, **parameters):
    pairs = [text for name, value in parameters.items() for text in ("-p", name, value)]
    return papermill(folder, chapter, "out.ipynb", *pairs)


def with_numbers_in_its_text(folder):
    """A copy of the chapter that computes the numbers in its text, as JupyterLab does."""
    copy = folder / "copy.ipynb"
    nbformat.write(prose.with_probes(nbformat.read(CHAPTER, as_version=4)), copy)
    return copy


@pytest.mark.parametrize(
    "parameters",
    [
        {"z_dim": 1, "batch_size": 61, "seed": 3},
        {"z_dim": 2, "likelihood": "gaussian", "learning_rate": 0.01},
        {"z_dim": 10, "iterations": 1},
        {"z_dim": 300, "batch_size": 4000, "iterations": 3},
    ],
    ids=str,
)
def test_it_runs_to_the_end_with_other_parameters(tmp_path, parameters):
    done = run(tmp_path, with_numbers_in_its_text(tmp_path), **QUICK | parameters)
    assert done.returncode == 0, done.stderr[-2000:]
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert list(prose.solved_exercises(executed)) == []
    text = "\n".join(c.source for c in prose.settled(executed).cells if c.cell_type == "markdown")
    assert "{eval}" not in text
    cells = executed.cells
    injected = next(c for c in cells if "injected-parameters" in c.metadata.get("tags", []))
    assert all(f"{name} = " in injected.source for name in parameters)
    assert all(c.execution_count for c in cells if c.cell_type == "code" and c.source)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("zdim", "2", "unknown parameter 'zdim'; did you mean 'z_dim'?"),
        ("z_dim", "two", "z_dim was 'two'; it may be a whole number from 1 to 10,000"),
        ("z_dim", "0", "z_dim was 0; it may be a whole number from 1 to 10,000"),
        ("z_dim", "-1", "z_dim was -1; it may be a whole number from 1 to 10,000"),
        ("z_dim", "2.5", "z_dim was 2.5; it may be a whole number from 1 to 10,000"),
        ("z_dim", "true", "z_dim was 'true'; it may be a whole number from 1 to 10,000"),
        ("z_dim", "True", "z_dim was True; it may be a whole number from 1 to 10,000"),
        ("z_dim", "1e9", "z_dim was 1000000000.0; it may be a whole number from 1 to 10,000"),
        ("learning_rate", "nan", "learning_rate was nan; it may be a number above 0, at most 1"),
        ("data", "nowhere.npz", "data was 'nowhere.npz'; it may be 'auto', 'keras', 'small' or"),
    ],
)
def test_a_bad_parameter_is_refused_in_one_line_before_any_work(tmp_path, name, value, line):
    done = run(tmp_path, **{name: value})
    assert done.returncode == 1
    said = [text for text in done.stderr.splitlines() if text.startswith("ParameterError: ")]
    assert len(said) == 1
    assert line in said[0]
    code = [
        c
        for c in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
        if c.cell_type == "code" and c.outputs
    ]
    assert len(code) <= 2  # papermill's note of the error, and the cell that refused


def test_papermills_help_lists_every_parameter_with_type_and_meaning(tmp_path):
    shown = papermill(tmp_path, "--help-notebook", CHAPTER).stdout
    for name, field in ChapterParameters.model_fields.items():
        kind = {"z_dim": "int", "learning_rate": "float", "likelihood": "str", "data": "str"}
        listed = re.search(rf"^  {name}: (\w+) \(default (.*)\)\s+(.+)", shown, re.M)
        assert listed, f"{name} is not in:\n{shown}"
        assert listed[1] == kind.get(name, "int")
        assert str(field.default) in listed[2].replace("_", "").replace(
            "1e-3", "0.001"
        ) or name in {
            "likelihood",
            "iterations",
        }
        assert len(listed[3]) > 10


def test_the_chapters_defaults_are_the_books():
    cells = jupytext.read(CHAPTER).cells
    tagged = next(c for c in cells if "parameters" in c.metadata.get("tags", []))
    given: dict[str, object] = {}
    exec(tagged.source, given)
    assert {name: given[name] for name in ChapterParameters.model_fields} == (
        ChapterParameters().model_dump()
    )
