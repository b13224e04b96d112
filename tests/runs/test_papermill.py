"""Chapter 6 is a program: papermill runs it with other parameters."""

import re
import subprocess
import sys

import jupytext
import nbformat
import pytest
from click.testing import CliRunner
from papermill import cli

from tests.helpers import ROOT, assert_says
from tools import prose
from vae_lib.parameters import ChapterParameters

CHAPTER = ROOT / "chapters/06-training.ipynb"
SIZE = ("whole", 1, "10,000")
QUICK = {"iterations": 150, "h_dim": 16, "data": "small"}


def arguments(chapter, out, **parameters):
    """What a user gives papermill, word for word."""
    pairs = [text for name, value in parameters.items() for text in ("-p", name, value)]
    return [str(text) for text in (chapter, out, *pairs)]


def with_numbers_in_its_text(folder):
    """A copy of the chapter that computes the numbers in its text, as JupyterLab does."""
    copy = folder / "copy.ipynb"
    nbformat.write(prose.with_probes(nbformat.read(CHAPTER, as_version=4)), copy)
    return copy


@pytest.mark.slow
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
    given = arguments(with_numbers_in_its_text(tmp_path), "out.ipynb", **QUICK | parameters)
    command = [sys.executable, "-m", "papermill", *given]
    # From a folder of its own: a chapter may not depend on where it starts.
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert list(prose.solved_exercises(executed)) == []
    text = "\n".join(c.source for c in prose.settled(executed).cells if c.cell_type == "markdown")
    assert "{eval}" not in text
    cells = executed.cells
    injected = next(c for c in cells if "injected-parameters" in c.metadata.get("tags", []))
    assert all(f"{name} = " in injected.source for name in parameters)
    assert all(c.execution_count for c in cells if c.cell_type == "code" and c.source)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("zdim", "2", ("'zdim'", "'z_dim'")),
        ("z_dim", "two", ("z_dim", "'two'", *SIZE)),
        ("z_dim", "0", ("z_dim", 0, *SIZE)),
        ("z_dim", "-1", ("z_dim", -1, *SIZE)),
        ("z_dim", "2.5", ("z_dim", 2.5, *SIZE)),
        ("z_dim", "true", ("z_dim", "'true'", *SIZE)),
        ("z_dim", "True", ("z_dim", True, *SIZE)),
        ("z_dim", "1e9", ("z_dim", 1e9, *SIZE)),
        ("learning_rate", "nan", ("learning_rate", "nan", 0, 1)),
        ("data", "nowhere.npz", ("data", "'nowhere.npz'", "'auto'", "'keras'", "'small'")),
    ],
)
def test_a_bad_parameter_is_refused_in_one_line_before_any_work(tmp_path, name, value, parts):
    out = tmp_path / "out.ipynb"
    done = CliRunner().invoke(cli.papermill, arguments(CHAPTER, out, **{name: value}))
    assert done.exit_code == 1
    said = [t for t in str(done.exception).splitlines() if t.startswith("ParameterError: ")]
    assert len(said) == 1
    assert_says(said[0], *parts)
    code = [
        c for c in nbformat.read(out, as_version=4).cells if c.cell_type == "code" and c.outputs
    ]
    assert len(code) <= 2  # papermill's note of the error, and the cell that refused


@pytest.mark.slow
def test_papermills_help_lists_every_parameter_with_type_and_meaning():
    shown = CliRunner().invoke(cli.papermill, ["--help-notebook", str(CHAPTER)]).output
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
